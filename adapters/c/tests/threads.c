/* Eight threads, each with its own handles, train the same layer, and each makes mistakes. Some of their backends have several threads
 * themselves. All get the bits of the first run, and each reads its own message. */
#include <lanegrad.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8 };

typedef struct {
    size_t batch, inputs, units, rounds;
} shape;

/* The calls of the second are long enough for seven threads. */
static const shape SHAPES[] = {{33, 70, 37, 200}, {128, 256, 300, 2}};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

typedef struct {
    size_t number, backend_threads;
    shape sizes;
    float *w;
    int failed;
} job;

static int check(int32_t code, const char *what) {
    if (code == LANEGRAD_OK) return 0;
    fprintf(stderr, "%s: %d: %s\n", what, (int)code, lanegrad_message());
    return 1;
}

static float *floats(size_t count) {
    float *memory = (float *)calloc(count, sizeof(float));
    if (memory == NULL) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return memory;
}

static lanegrad_matrix strided(const float *data, size_t rows, size_t cols, size_t row_stride) {
    lanegrad_matrix view = {data, rows, cols, (ptrdiff_t)row_stride, 1};
    return view;
}

static lanegrad_matrix_mut mutable_matrix(float *data, size_t rows, size_t cols) {
    lanegrad_matrix_mut view = {data, rows, cols, (ptrdiff_t)cols, 1};
    return view;
}

static void *run(void *argument) {
    job *self = (job *)argument;
    const size_t batch = self->sizes.batch, inputs = self->sizes.inputs, units = self->sizes.units;
    float *w = floats(units * inputs), *x = floats(batch * inputs), *zero = floats(units);
    float *z = floats(batch * units), *delta = floats(batch * units), *dw = floats(units * inputs);
    for (size_t i = 0; i < batch * inputs; i++) x[i] = (float)(i * 7 % 31) / 31.0f - 0.5f;
    for (size_t i = 0; i < units * inputs; i++) w[i] = (float)(i * 5 % 23) / 23.0f - 0.5f;
    lanegrad_backend *backend = NULL;
    lanegrad_rule *rule = NULL;
    lanegrad_state *state = NULL;
    self->failed |= check(lanegrad_backend_new_with_threads(self->backend_threads, &backend), "backend");
    self->failed |= check(lanegrad_rule_adam(1e-3, 0.9, 0.999, 1e-8, &rule), "rule");
    self->failed |= check(lanegrad_state_new(rule, units * inputs, &state), "state");
    lanegrad_matrix mx = strided(x, batch, inputs, inputs), mw = strided(w, units, inputs, inputs);
    lanegrad_matrix mz = strided(z, batch, units, units), mdelta = strided(delta, batch, units, units);
    lanegrad_matrix target = strided(zero, batch, units, 0);
    lanegrad_matrix_mut z_out = mutable_matrix(z, batch, units), delta_out = mutable_matrix(delta, batch, units);
    lanegrad_matrix_mut dw_out = mutable_matrix(dw, units, inputs);
    for (uint64_t step = 1; step <= self->sizes.rounds && !self->failed; step++) {
        double loss;
        self->failed |= check(lanegrad_forward(backend, mx, mw, NULL, 0, LANEGRAD_TANH, z_out), "forward");
        self->failed |= check(lanegrad_squared_error(backend, mz, target, 1.0f, LANEGRAD_TANH, delta_out, &loss), "loss");
        self->failed |= check(lanegrad_gradient(backend, mdelta, mx, 0, &dw_out, NULL, 0), "gradient");
        self->failed |= check(lanegrad_state_update(state, backend, rule, step, w, dw, units * inputs), "update");

        /* A message of this thread alone. */
        char expected[96];
        snprintf(expected, sizeof expected, "bias has length %zu, expected %zu", 1000 + self->number, units);
        static const float bias[1000 + THREADS + 1] = {0.0f};
        int32_t code = lanegrad_forward(backend, mx, mw, bias, 1000 + self->number, LANEGRAD_TANH, z_out);
        if (code != LANEGRAD_ERROR_LENGTH || strstr(lanegrad_message(), expected) == NULL) {
            fprintf(stderr, "thread %zu: %d: %s\n", self->number, (int)code, lanegrad_message());
            self->failed = 1;
        }
    }
    lanegrad_state_free(state);
    lanegrad_rule_free(rule);
    lanegrad_backend_free(backend);
    float *buffers[] = {x, zero, z, delta, dw};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) free(buffers[i]);
    self->w = w;
    return NULL;
}

/* Whether something has failed. */
static int compare(const shape *sizes) {
    static const size_t BACKEND_THREADS[] = {2, 3, 7, 1};
    job jobs[THREADS + 1];
    pthread_t threads[THREADS];
    for (size_t i = 0; i <= THREADS; i++) {
        job fresh = {i, i == THREADS ? 1 : BACKEND_THREADS[i % 4], *sizes, NULL, 0};
        jobs[i] = fresh;
    }
    run(&jobs[THREADS]);
    int failed = jobs[THREADS].failed;
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run, &jobs[i]) != 0) exit(1);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        failed |= jobs[i].failed;
        if (memcmp(jobs[i].w, jobs[THREADS].w, sizes->units * sizes->inputs * sizeof(float)) != 0) {
            fprintf(stderr, "thread %zu with %zu threads computed other bits\n", i, jobs[i].backend_threads);
            failed = 1;
        }
        free(jobs[i].w);
    }
    free(jobs[THREADS].w);
    return failed;
}

int main(void) {
    int failed = 0;
    for (size_t i = 0; i < SHAPE_COUNT; i++) failed |= compare(&SHAPES[i]);
    if (!failed) printf("%d threads computed the same bits\n", THREADS);
    return failed;
}
