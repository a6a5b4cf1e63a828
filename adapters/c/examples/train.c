/* Trains 784-128-10 on MNIST: train DIRECTORY THREADS, with the four IDX files in the directory, on 1 thread if no number is given.
 * Without a directory, it generates a small data set. Ends with an error if the loss does not fall. */
#include <lanegrad.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 2, HIDDEN = 128, CLASSES = 10, BATCH = 128, EPOCHS = 2 };

typedef struct {
    size_t count, inputs;
    float *x;
    uint32_t *labels;
} data_set;

typedef struct {
    size_t inputs, units;
    int32_t activation;
    float *w, *b, *z, *delta, *dw, *db;
    lanegrad_state *state_of_w, *state_of_b;
} layer;

static void check(int32_t code) {
    if (code != LANEGRAD_OK) {
        fprintf(stderr, "error %d: %s\n", (int)code, lanegrad_message());
        exit(1);
    }
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return memory;
}

static float *floats(size_t count) { return (float *)allocate(count, sizeof(float)); }

/* Uniform in [-1, 1). */
static float random_number(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (float)(state >> 40) / (float)(1 << 23) - 1.0f;
}

static lanegrad_matrix matrix(const float *data, size_t rows, size_t cols) {
    lanegrad_matrix view = {data, rows, cols, (ptrdiff_t)cols, 1};
    return view;
}

static lanegrad_matrix_mut matrix_mut(float *data, size_t rows, size_t cols) {
    lanegrad_matrix_mut view = {data, rows, cols, (ptrdiff_t)cols, 1};
    return view;
}

static void fail(const char *path) {
    fprintf(stderr, "%s is not a file of MNIST's\n", path);
    exit(1);
}

static uint32_t big_endian(FILE *file, const char *path) {
    unsigned char bytes[4];
    if (fread(bytes, 1, 4, file) != 4) fail(path);
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads an IDX file of bytes; sets its sizes. */
static unsigned char *read_idx(const char *directory, const char *name, size_t *count, size_t *size) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail(path);
    uint32_t magic = big_endian(file, path);
    if (magic != 0x801 && magic != 0x803) fail(path);
    *count = big_endian(file, path);
    *size = 1;
    for (uint32_t dimension = 1; dimension < (magic & 0xff); dimension++) *size *= big_endian(file, path);
    if (*count > 1000000 || *size > 1000000) fail(path);
    unsigned char *bytes = (unsigned char *)allocate(*count * *size, 1);
    if (fread(bytes, *size, *count, file) != *count) fail(path);
    fclose(file);
    return bytes;
}

static data_set read_mnist(const char *directory, const char *images, const char *labels) {
    data_set data;
    size_t labelled, one;
    unsigned char *pixels = read_idx(directory, images, &data.count, &data.inputs);
    unsigned char *classes = read_idx(directory, labels, &labelled, &one);
    if (labelled != data.count || one != 1) fail(labels);
    data.x = floats(data.count * data.inputs);
    data.labels = (uint32_t *)allocate(data.count, sizeof(uint32_t));
    for (size_t i = 0; i < data.count * data.inputs; i++) data.x[i] = (float)pixels[i] / 255.0f;
    for (size_t i = 0; i < data.count; i++) data.labels[i] = classes[i];
    free(pixels);
    free(classes);
    return data;
}

/* Examples scattered around a centre for each class. */
static data_set generate(const float *centres, size_t count, size_t inputs) {
    data_set data = {count, inputs, floats(count * inputs), (uint32_t *)allocate(count, sizeof(uint32_t))};
    for (size_t i = 0; i < count; i++) {
        data.labels[i] = (uint32_t)(i % CLASSES);
        for (size_t j = 0; j < inputs; j++) {
            data.x[i * inputs + j] = centres[data.labels[i] * inputs + j] + 2.0f * random_number();
        }
    }
    return data;
}

static layer new_layer(size_t inputs, size_t units, int32_t activation, const lanegrad_rule *rule) {
    layer l = {inputs, units, activation, floats(units * inputs), floats(units), floats(BATCH * units),
               floats(BATCH * units), floats(units * inputs), floats(units), NULL, NULL};
    for (size_t i = 0; i < units * inputs; i++) l.w[i] = random_number() * sqrtf(6.0f / (float)inputs);
    check(lanegrad_state_new(rule, units * inputs, &l.state_of_w));
    check(lanegrad_state_new(rule, units, &l.state_of_b));
    return l;
}

static void free_layer(layer *l) {
    float *buffers[] = {l->w, l->b, l->z, l->delta, l->dw, l->db};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) free(buffers[i]);
    lanegrad_state_free(l->state_of_w);
    lanegrad_state_free(l->state_of_b);
}

static void forward(lanegrad_backend *backend, layer *layers, const float *x, size_t batch) {
    for (int i = 0; i < LAYERS; i++) {
        layer *l = &layers[i];
        const float *inputs = i == 0 ? x : layers[i - 1].z;
        check(lanegrad_forward(backend, matrix(inputs, batch, l->inputs), matrix(l->w, l->units, l->inputs), l->b,
                               l->units, l->activation, matrix_mut(l->z, batch, l->units)));
    }
}

static double train_step(lanegrad_backend *backend, layer *layers, const lanegrad_rule *rule, uint64_t step, const float *x,
                         const uint32_t *labels) {
    double loss;
    layer *last = &layers[LAYERS - 1];
    forward(backend, layers, x, BATCH);
    check(lanegrad_softmax_cross_entropy(backend, matrix(last->z, BATCH, last->units), labels, BATCH,
                                         matrix_mut(last->delta, BATCH, last->units), &loss));
    for (int i = LAYERS - 1; i >= 0; i--) {
        layer *l = &layers[i];
        lanegrad_matrix delta = matrix(l->delta, BATCH, l->units);
        lanegrad_matrix inputs = matrix(i == 0 ? x : layers[i - 1].z, BATCH, l->inputs);
        lanegrad_matrix_mut dw = matrix_mut(l->dw, l->units, l->inputs);
        check(lanegrad_gradient(backend, delta, inputs, 0, &dw, l->db, l->units));
        if (i > 0) {
            check(lanegrad_backward(backend, delta, matrix(l->w, l->units, l->inputs), layers[i - 1].activation, &inputs,
                                    matrix_mut(layers[i - 1].delta, BATCH, l->inputs)));
        }
    }
    for (int i = 0; i < LAYERS; i++) {
        layer *l = &layers[i];
        check(lanegrad_state_update(l->state_of_w, backend, rule, step, l->w, l->dw, l->units * l->inputs));
        check(lanegrad_state_update(l->state_of_b, backend, rule, step, l->b, l->db, l->units));
    }
    return loss;
}

/* The share of examples whose largest output is their label's. */
static double accuracy(lanegrad_backend *backend, layer *layers, const data_set *data) {
    size_t right = 0;
    for (size_t from = 0; from < data->count; from += BATCH) {
        size_t batch = BATCH;
        if (batch > data->count - from) batch = data->count - from;
        forward(backend, layers, data->x + from * data->inputs, batch);
        for (size_t i = 0; i < batch; i++) {
            const float *z = layers[LAYERS - 1].z + i * CLASSES;
            uint32_t best = 0;
            for (uint32_t j = 1; j < CLASSES; j++) best = z[j] > z[best] ? j : best;
            right += best == data->labels[from + i];
        }
    }
    return (double)right / (double)data->count;
}

int main(int argc, char **argv) {
    data_set train, test;
    if (argc > 1) {
        train = read_mnist(argv[1], "train-images-idx3-ubyte", "train-labels-idx1-ubyte");
        test = read_mnist(argv[1], "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    } else {
        enum { INPUTS = 64 };
        float centres[CLASSES * INPUTS];
        for (size_t i = 0; i < CLASSES * INPUTS; i++) centres[i] = random_number();
        train = generate(centres, 4096, INPUTS);
        test = generate(centres, 1000, INPUTS);
    }

    lanegrad_backend *backend;
    lanegrad_rule *rule;
    check(lanegrad_backend_new_with_threads(argc > 2 ? strtoul(argv[2], NULL, 10) : 1, &backend));
    check(lanegrad_rule_adam(1e-3, 0.9, 0.999, 1e-8, &rule));
    layer layers[LAYERS] = {new_layer(train.inputs, HIDDEN, LANEGRAD_RELU, rule),
                            new_layer(HIDDEN, CLASSES, LANEGRAD_IDENTITY, rule)};

    float *x = floats(BATCH * train.inputs);
    uint32_t *labels = (uint32_t *)allocate(BATCH, sizeof(uint32_t));
    size_t *order = (size_t *)allocate(train.count, sizeof(size_t));
    for (size_t i = 0; i < train.count; i++) order[i] = i;
    double first = 0.0, mean = 0.0;
    uint64_t step = 0;
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        for (size_t i = train.count; i-- > 1;) {
            size_t j = (size_t)((random_number() + 1.0f) * 0.5f * (float)(i + 1)), other;
            j = j > i ? i : j;
            other = order[i];
            order[i] = order[j];
            order[j] = other;
        }
        size_t steps = train.count / BATCH;
        mean = 0.0;
        for (size_t batch = 0; batch < steps; batch++) {
            for (size_t i = 0; i < BATCH; i++) {
                size_t example = order[batch * BATCH + i];
                memcpy(x + i * train.inputs, train.x + example * train.inputs, train.inputs * sizeof(float));
                labels[i] = train.labels[example];
            }
            double loss = train_step(backend, layers, rule, ++step, x, labels);
            first = step == 1 ? loss : first;
            mean += loss / (double)steps;
        }
        printf("epoch %d: loss %.4f, accuracy %.4f\n", epoch, mean, accuracy(backend, layers, &test));
    }

    for (int i = 0; i < LAYERS; i++) free_layer(&layers[i]);
    lanegrad_rule_free(rule);
    lanegrad_backend_free(backend);
    free(x);
    free(labels);
    free(order);
    free(train.x);
    free(train.labels);
    free(test.x);
    free(test.labels);
    if (!(mean < first / 2.0)) {
        fprintf(stderr, "the loss did not fall: %g at first, %g in the last epoch\n", first, mean);
        return 1;
    }
    return 0;
}
