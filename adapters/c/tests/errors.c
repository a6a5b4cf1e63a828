/* Every mistake that a call can find returns its code and a message, and writes nothing. Every valid corner case succeeds. */
#include <lanegrad.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed = 0;

/* Checks code and message of the last call. */
static void check(int line, int32_t found, int32_t expected, const char *message) {
    if (found != expected) {
        fprintf(stderr, "line %d: code %d, expected %d: %s\n", line, (int)found, (int)expected, lanegrad_message());
        failed = 1;
    } else if (found != LANEGRAD_OK && strstr(lanegrad_message(), message) == NULL) {
        fprintf(stderr, "line %d: message \"%s\", expected \"%s\" in it\n", line, lanegrad_message(), message);
        failed = 1;
    }
}
#define OK(call) check(__LINE__, call, LANEGRAD_OK, "")
#define REFUSED(code, message, call)           \
    do {                                       \
        check(__LINE__, call, code, message);  \
        expect_untouched(__LINE__);            \
    } while (0)

enum { BATCH = 3, INPUTS = 4, UNITS = 2, ELEMENTS = 64 };

/* All memory that calls below may write: its bytes are compared after every refused call. On the heap, so that tools see its ends. */
static float *memory, *copy;
static double *loss;

static void expect_untouched(int line) {
    if (memcmp(memory, copy, ELEMENTS * sizeof(float)) != 0 || *loss != -1.0) {
        fprintf(stderr, "line %d: a refused call has written\n", line);
        failed = 1;
        memcpy(memory, copy, ELEMENTS * sizeof(float));
        *loss = -1.0;
    }
}

static lanegrad_matrix matrix(const float *data, size_t rows, size_t cols) {
    lanegrad_matrix view = {data, rows, cols, (ptrdiff_t)cols, 1};
    return view;
}

static lanegrad_matrix strided(const float *data, size_t rows, size_t cols, ptrdiff_t row_stride, ptrdiff_t col_stride) {
    lanegrad_matrix view = {data, rows, cols, row_stride, col_stride};
    return view;
}

static lanegrad_matrix_mut matrix_mut(float *data, size_t rows, size_t cols) {
    lanegrad_matrix_mut view = {data, rows, cols, (ptrdiff_t)cols, 1};
    return view;
}

static lanegrad_matrix_mut strided_mut(float *data, size_t rows, size_t cols, ptrdiff_t row_stride, ptrdiff_t col_stride) {
    lanegrad_matrix_mut view = {data, rows, cols, row_stride, col_stride};
    return view;
}

static const float *misaligned(const float *data) { return (const float *)(uintptr_t)((uintptr_t)data + 1); }
static float *misaligned_mut(float *data) { return (float *)(uintptr_t)((uintptr_t)data + 2); }

/* The checks that every matrix gets, tried on one matrix of one function at a time. */
typedef int32_t (*with_input)(lanegrad_backend *, lanegrad_matrix);
typedef int32_t (*with_output)(lanegrad_backend *, lanegrad_matrix_mut);

static float *x, *w, *bias, *z, *g; /* inputs of the calls, each alone in its allocation */
static uint32_t *labels;

static int32_t forward_x(lanegrad_backend *b, lanegrad_matrix m) {
    return lanegrad_forward(b, m, matrix(w, UNITS, INPUTS), bias, UNITS, LANEGRAD_RELU, matrix_mut(memory, BATCH, UNITS));
}
static int32_t forward_w(lanegrad_backend *b, lanegrad_matrix m) {
    return lanegrad_forward(b, matrix(x, BATCH, INPUTS), m, bias, UNITS, LANEGRAD_RELU, matrix_mut(memory, BATCH, UNITS));
}
static int32_t forward_z(lanegrad_backend *b, lanegrad_matrix_mut m) {
    return lanegrad_forward(b, matrix(x, BATCH, INPUTS), matrix(w, UNITS, INPUTS), bias, UNITS, LANEGRAD_RELU, m);
}
static int32_t backward_delta(lanegrad_backend *b, lanegrad_matrix m) {
    lanegrad_matrix below = matrix(x, BATCH, INPUTS);
    return lanegrad_backward(b, m, matrix(w, UNITS, INPUTS), LANEGRAD_TANH, &below, matrix_mut(memory, BATCH, INPUTS));
}
static int32_t backward_w(lanegrad_backend *b, lanegrad_matrix m) {
    lanegrad_matrix below = matrix(x, BATCH, INPUTS);
    return lanegrad_backward(b, matrix(g, BATCH, UNITS), m, LANEGRAD_TANH, &below, matrix_mut(memory, BATCH, INPUTS));
}
static int32_t backward_below(lanegrad_backend *b, lanegrad_matrix m) {
    return lanegrad_backward(b, matrix(g, BATCH, UNITS), matrix(w, UNITS, INPUTS), LANEGRAD_TANH, &m,
                             matrix_mut(memory, BATCH, INPUTS));
}
static int32_t backward_out(lanegrad_backend *b, lanegrad_matrix_mut m) {
    return lanegrad_backward(b, matrix(g, BATCH, UNITS), matrix(w, UNITS, INPUTS), LANEGRAD_TANH, NULL, m);
}
static int32_t gradient_delta(lanegrad_backend *b, lanegrad_matrix m) {
    lanegrad_matrix_mut dw = matrix_mut(memory, UNITS, INPUTS);
    return lanegrad_gradient(b, m, matrix(x, BATCH, INPUTS), 0, &dw, memory + 32, UNITS);
}
static int32_t gradient_x(lanegrad_backend *b, lanegrad_matrix m) {
    lanegrad_matrix_mut dw = matrix_mut(memory, UNITS, INPUTS);
    return lanegrad_gradient(b, matrix(g, BATCH, UNITS), m, 1, &dw, memory + 32, UNITS);
}
static int32_t gradient_dw(lanegrad_backend *b, lanegrad_matrix_mut m) {
    return lanegrad_gradient(b, matrix(g, BATCH, UNITS), matrix(x, BATCH, INPUTS), 0, &m, NULL, 0);
}
static int32_t activation_gradient(lanegrad_backend *b, lanegrad_matrix m) {
    return lanegrad_activation_backward(b, m, matrix(z, BATCH, UNITS), LANEGRAD_SIGMOID, matrix_mut(memory, BATCH, UNITS));
}
static int32_t activation_z(lanegrad_backend *b, lanegrad_matrix m) {
    return lanegrad_activation_backward(b, matrix(g, BATCH, UNITS), m, LANEGRAD_SIGMOID, matrix_mut(memory, BATCH, UNITS));
}
static int32_t activation_delta(lanegrad_backend *b, lanegrad_matrix_mut m) {
    return lanegrad_activation_backward(b, matrix(g, BATCH, UNITS), matrix(z, BATCH, UNITS), LANEGRAD_SIGMOID, m);
}
static int32_t squared_predicted(lanegrad_backend *b, lanegrad_matrix m) {
    return lanegrad_squared_error(b, m, matrix(g, BATCH, UNITS), 1.0f, LANEGRAD_TANH, matrix_mut(memory, BATCH, UNITS), loss);
}
static int32_t squared_target(lanegrad_backend *b, lanegrad_matrix m) {
    return lanegrad_squared_error(b, matrix(z, BATCH, UNITS), m, 1.0f, LANEGRAD_TANH, matrix_mut(memory, BATCH, UNITS), loss);
}
static int32_t squared_delta(lanegrad_backend *b, lanegrad_matrix_mut m) {
    return lanegrad_squared_error(b, matrix(z, BATCH, UNITS), matrix(g, BATCH, UNITS), 1.0f, LANEGRAD_TANH, m, loss);
}
static int32_t softmax_logits(lanegrad_backend *b, lanegrad_matrix m) {
    return lanegrad_softmax_cross_entropy(b, m, labels, BATCH, matrix_mut(memory, BATCH, UNITS), loss);
}
static int32_t softmax_delta(lanegrad_backend *b, lanegrad_matrix_mut m) {
    return lanegrad_softmax_cross_entropy(b, matrix(z, BATCH, UNITS), labels, BATCH, m, loss);
}

typedef struct {
    with_input call;
    float **data;
    size_t rows, cols;
} input;
static const input INPUT_MATRICES[] = {
    {forward_x, &x, BATCH, INPUTS},        {forward_w, &w, UNITS, INPUTS},         {backward_delta, &g, BATCH, UNITS},
    {backward_w, &w, UNITS, INPUTS},       {backward_below, &x, BATCH, INPUTS},    {gradient_delta, &g, BATCH, UNITS},
    {gradient_x, &x, BATCH, INPUTS},       {activation_gradient, &g, BATCH, UNITS}, {activation_z, &z, BATCH, UNITS},
    {squared_predicted, &z, BATCH, UNITS}, {squared_target, &g, BATCH, UNITS},     {softmax_logits, &z, BATCH, UNITS}};

typedef struct {
    with_output call;
    float **other; /* an input of the same call */
    size_t rows, cols;
    int rows_contiguous; /* whether its rows must be contiguous */
} output;
static const output OUTPUT_MATRICES[] = {{forward_z, &x, BATCH, UNITS, 0},     {backward_out, &w, BATCH, INPUTS, 0},
                                         {gradient_dw, &g, UNITS, INPUTS, 0},  {activation_delta, &z, BATCH, UNITS, 0},
                                         {squared_delta, &g, BATCH, UNITS, 1}, {softmax_delta, &z, BATCH, UNITS, 1}};

static void inputs(lanegrad_backend *backend) {
    const size_t huge = SIZE_MAX / sizeof(float);
    for (size_t i = 0; i < sizeof INPUT_MATRICES / sizeof *INPUT_MATRICES; i++) {
        input t = INPUT_MATRICES[i];
        const float *data = *t.data;
        REFUSED(LANEGRAD_ERROR_NULL, "is NULL", t.call(backend, matrix(NULL, t.rows, t.cols)));
        REFUSED(LANEGRAD_ERROR_NULL, "backend is NULL", t.call(NULL, matrix(data, t.rows, t.cols)));
        REFUSED(LANEGRAD_ERROR_MISALIGNED, "aligned to 4 bytes", t.call(backend, matrix(misaligned(data), t.rows, t.cols)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, matrix(data, huge, t.cols)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, matrix(data, t.rows, huge)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, matrix(data, SIZE_MAX, SIZE_MAX)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, strided(data, t.rows, t.cols, PTRDIFF_MAX, 1)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, strided(data, t.rows, t.cols, 1, PTRDIFF_MIN)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, strided(data, t.rows, t.cols, PTRDIFF_MIN / 4, 1)));
        REFUSED(LANEGRAD_ERROR_OVERLAP, "overlap", t.call(backend, matrix(memory, t.rows, t.cols)));
        /* The wrong shape: one row, one column more or less; inputs and classes are the only free sizes. */
        int32_t code = t.call(backend, strided(data, t.rows - 1, t.cols, (ptrdiff_t)t.cols, 1));
        check(__LINE__, code == LANEGRAD_ERROR_LENGTH ? LANEGRAD_ERROR_SHAPE : code, LANEGRAD_ERROR_SHAPE, "expected");
        expect_untouched(__LINE__);
        code = t.call(backend, strided(data, t.rows, t.cols - 1, (ptrdiff_t)t.cols, 1));
        check(__LINE__, code == LANEGRAD_ERROR_LENGTH ? LANEGRAD_ERROR_SHAPE : code, LANEGRAD_ERROR_SHAPE, "expected");
        expect_untouched(__LINE__);
        /* Any strides that stay inside are fine: reversed in both directions, and one element everywhere. */
        OK(t.call(backend, strided(data + t.rows * t.cols - 1, t.rows, t.cols, -(ptrdiff_t)t.cols, -1)));
        OK(t.call(backend, strided(data, t.rows, t.cols, 0, 0)));
        OK(t.call(backend, strided(data, t.rows, t.cols, 1, (ptrdiff_t)t.rows)));
        memcpy(memory, copy, ELEMENTS * sizeof(float));
        *loss = -1.0;
    }
}

static void outputs(lanegrad_backend *backend) {
    const size_t huge = SIZE_MAX / sizeof(float);
    for (size_t i = 0; i < sizeof OUTPUT_MATRICES / sizeof *OUTPUT_MATRICES; i++) {
        output t = OUTPUT_MATRICES[i];
        ptrdiff_t cols = (ptrdiff_t)t.cols, rows = (ptrdiff_t)t.rows;
        REFUSED(LANEGRAD_ERROR_NULL, "is NULL", t.call(backend, matrix_mut(NULL, t.rows, t.cols)));
        REFUSED(LANEGRAD_ERROR_NULL, "backend is NULL", t.call(NULL, matrix_mut(memory, t.rows, t.cols)));
        REFUSED(LANEGRAD_ERROR_MISALIGNED, "aligned", t.call(backend, matrix_mut(misaligned_mut(memory), t.rows, t.cols)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, matrix_mut(memory, huge, t.cols)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, matrix_mut(memory, t.rows, huge)));
        REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", t.call(backend, strided_mut(memory, t.rows, t.cols, PTRDIFF_MAX, 1)));
        REFUSED(LANEGRAD_ERROR_STRIDES, "strides", t.call(backend, strided_mut(memory, t.rows, t.cols, 2 * cols, 2)));
        REFUSED(LANEGRAD_ERROR_STRIDES, "strides", t.call(backend, strided_mut(memory, t.rows, t.cols, cols - 1, 1)));
        REFUSED(LANEGRAD_ERROR_STRIDES, "strides", t.call(backend, strided_mut(memory, t.rows, t.cols, 0, 0)));
        REFUSED(LANEGRAD_ERROR_SHAPE, "expected", t.call(backend, matrix_mut(memory, t.rows + 1, t.cols)));
        REFUSED(LANEGRAD_ERROR_SHAPE, "expected", t.call(backend, matrix_mut(memory, t.rows, t.cols + 1)));
        REFUSED(LANEGRAD_ERROR_SHAPE, "expected", t.call(backend, matrix_mut(NULL, 0, 0)));
        REFUSED(LANEGRAD_ERROR_OVERLAP, "overlap", t.call(backend, matrix_mut(*t.other, t.rows, t.cols)));
        REFUSED(LANEGRAD_ERROR_OVERLAP, "overlap", t.call(backend, matrix_mut(*t.other + 2, t.rows, t.cols)));
        if (t.rows_contiguous) {
            REFUSED(LANEGRAD_ERROR_LAYOUT, "stride of 1", t.call(backend, strided_mut(memory, t.rows, t.cols, 1, rows)));
        } else {
            OK(t.call(backend, strided_mut(memory, t.rows, t.cols, 1, rows)));
        }
        /* Gaps between rows are not written. */
        memcpy(memory, copy, ELEMENTS * sizeof(float));
        OK(t.call(backend, strided_mut(memory, t.rows, t.cols, cols + 3, 1)));
        for (size_t at = 0; at < ELEMENTS; at++) {
            size_t row = at / (t.cols + 3), col = at % (t.cols + 3);
            if ((col >= t.cols || row >= t.rows) && memory[at] != copy[at]) {
                fprintf(stderr, "output %zu: the gap at %zu was written\n", i, at);
                failed = 1;
            }
        }
        memcpy(memory, copy, ELEMENTS * sizeof(float));
        *loss = -1.0;
    }
}

static void vectors_and_scalars(lanegrad_backend *backend) {
    lanegrad_matrix mx = matrix(x, BATCH, INPUTS), mw = matrix(w, UNITS, INPUTS), mz = matrix(z, BATCH, UNITS),
                    mg = matrix(g, BATCH, UNITS);
    lanegrad_matrix_mut out = matrix_mut(memory, BATCH, UNITS), dw = matrix_mut(memory, UNITS, INPUTS);
    const size_t huge = SIZE_MAX / sizeof(float);

    REFUSED(LANEGRAD_ERROR_LENGTH, "bias", lanegrad_forward(backend, mx, mw, bias, UNITS - 1, LANEGRAD_RELU, out));
    REFUSED(LANEGRAD_ERROR_LENGTH, "bias", lanegrad_forward(backend, mx, mw, bias, 0, LANEGRAD_RELU, out));
    REFUSED(LANEGRAD_ERROR_NULL, "bias", lanegrad_forward(backend, mx, mw, NULL, UNITS, LANEGRAD_RELU, out));
    REFUSED(LANEGRAD_ERROR_OVERFLOW, "overflow", lanegrad_forward(backend, mx, mw, bias, huge, LANEGRAD_RELU, out));
    REFUSED(LANEGRAD_ERROR_MISALIGNED, "bias", lanegrad_forward(backend, mx, mw, misaligned(bias), UNITS, LANEGRAD_RELU, out));
    REFUSED(LANEGRAD_ERROR_OVERLAP, "bias", lanegrad_forward(backend, mx, mw, memory + 1, UNITS, LANEGRAD_RELU, out));
    REFUSED(LANEGRAD_ERROR_ACTIVATION, "activation 5", lanegrad_forward(backend, mx, mw, bias, UNITS, 5, out));
    REFUSED(LANEGRAD_ERROR_ACTIVATION, "activation -1", lanegrad_forward(backend, mx, mw, bias, UNITS, -1, out));
    REFUSED(LANEGRAD_ERROR_ACTIVATION, "", lanegrad_backward(backend, mg, mw, 99, &mx, matrix_mut(memory, BATCH, INPUTS)));
    REFUSED(LANEGRAD_ERROR_ACTIVATION, "", lanegrad_activation_backward(backend, mg, mz, INT32_MIN, out));
    REFUSED(LANEGRAD_ERROR_ACTIVATION, "", lanegrad_activation_apply(backend, INT32_MAX, memory, ELEMENTS));
    REFUSED(LANEGRAD_ERROR_ACTIVATION, "", lanegrad_squared_error(backend, mz, mg, 1.0f, 7, out, loss));

    REFUSED(LANEGRAD_ERROR_MISALIGNED, "below",
            lanegrad_backward(backend, mg, mw, LANEGRAD_TANH,
                              (const lanegrad_matrix *)(uintptr_t)((uintptr_t)&mx + 1), matrix_mut(memory, BATCH, INPUTS)));
    REFUSED(LANEGRAD_ERROR_MISALIGNED, "weight gradients",
            lanegrad_gradient(backend, mg, mx, 0, (const lanegrad_matrix_mut *)(uintptr_t)((uintptr_t)&dw + 4), NULL, 0));
    REFUSED(LANEGRAD_ERROR_LENGTH, "bias gradient", lanegrad_gradient(backend, mg, mx, 0, &dw, memory + 32, UNITS + 1));
    REFUSED(LANEGRAD_ERROR_NULL, "bias gradient", lanegrad_gradient(backend, mg, mx, 0, &dw, NULL, UNITS));
    REFUSED(LANEGRAD_ERROR_MISALIGNED, "bias gradient",
            lanegrad_gradient(backend, mg, mx, 0, &dw, misaligned_mut(memory + 32), UNITS));
    REFUSED(LANEGRAD_ERROR_OVERLAP, "bias gradient", lanegrad_gradient(backend, mg, mx, 0, &dw, memory + 7, UNITS));
    REFUSED(LANEGRAD_ERROR_OVERLAP, "bias gradient", lanegrad_gradient(backend, mg, mx, 0, NULL, g, UNITS));
    OK(lanegrad_gradient(backend, mg, mx, 0, NULL, NULL, 0));
    expect_untouched(__LINE__);

    REFUSED(LANEGRAD_ERROR_NULL, "elements", lanegrad_activation_apply(backend, LANEGRAD_TANH, NULL, 1));
    REFUSED(LANEGRAD_ERROR_NULL, "backend", lanegrad_activation_apply(NULL, LANEGRAD_TANH, memory, 1));
    REFUSED(LANEGRAD_ERROR_MISALIGNED, "", lanegrad_activation_apply(backend, LANEGRAD_TANH, misaligned_mut(memory), 1));
    REFUSED(LANEGRAD_ERROR_OVERFLOW, "", lanegrad_activation_apply(backend, LANEGRAD_TANH, memory, huge));
    REFUSED(LANEGRAD_ERROR_OVERFLOW, "", lanegrad_activation_apply(backend, LANEGRAD_TANH, memory, SIZE_MAX));
    OK(lanegrad_activation_apply(backend, LANEGRAD_TANH, NULL, 0));

    REFUSED(LANEGRAD_ERROR_NULL, "loss", lanegrad_squared_error(backend, mz, mg, 1.0f, LANEGRAD_TANH, out, NULL));
    REFUSED(LANEGRAD_ERROR_MISALIGNED, "loss is not aligned to 8",
            lanegrad_squared_error(backend, mz, mg, 1.0f, LANEGRAD_TANH, out, (double *)(uintptr_t)((uintptr_t)loss + 4)));
    REFUSED(LANEGRAD_ERROR_OVERLAP, "the loss and the deltas",
            lanegrad_squared_error(backend, mz, mg, 1.0f, LANEGRAD_TANH, out, (double *)(void *)(memory + 2)));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "factor", lanegrad_squared_error(backend, mz, mg, 0.0f, LANEGRAD_TANH, out, loss));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "NaN", lanegrad_squared_error(backend, mz, mg, NAN, LANEGRAD_TANH, out, loss));
    lanegrad_matrix none = matrix(NULL, 0, UNITS);
    REFUSED(LANEGRAD_ERROR_EMPTY, "no examples",
            lanegrad_squared_error(backend, none, none, 1.0f, LANEGRAD_TANH, matrix_mut(NULL, 0, UNITS), loss));
    REFUSED(LANEGRAD_ERROR_EMPTY, "no examples",
            lanegrad_softmax_cross_entropy(backend, none, NULL, 0, matrix_mut(NULL, 0, UNITS), loss));
    REFUSED(LANEGRAD_ERROR_LENGTH, "labels", lanegrad_softmax_cross_entropy(backend, mz, labels, BATCH - 1, out, loss));
    REFUSED(LANEGRAD_ERROR_NULL, "labels", lanegrad_softmax_cross_entropy(backend, mz, NULL, BATCH, out, loss));
    REFUSED(LANEGRAD_ERROR_MISALIGNED, "labels",
            lanegrad_softmax_cross_entropy(backend, mz, (const uint32_t *)(uintptr_t)((uintptr_t)labels + 1), BATCH, out, loss));
    REFUSED(LANEGRAD_ERROR_OVERLAP, "labels",
            lanegrad_softmax_cross_entropy(backend, mz, (const uint32_t *)(void *)memory, BATCH, out, loss));
    REFUSED(LANEGRAD_ERROR_NULL, "loss", lanegrad_softmax_cross_entropy(backend, mz, labels, BATCH, out, NULL));
    labels[1] = UNITS;
    REFUSED(LANEGRAD_ERROR_LABEL, "row 1 is 2", lanegrad_softmax_cross_entropy(backend, mz, labels, BATCH, out, loss));
    labels[1] = 0;

    /* Sizes of zero. */
    OK(lanegrad_forward(backend, matrix(NULL, 0, INPUTS), mw, bias, UNITS, LANEGRAD_RELU, matrix_mut(NULL, 0, UNITS)));
    OK(lanegrad_forward(backend, mx, matrix(NULL, 0, INPUTS), NULL, 0, LANEGRAD_RELU, matrix_mut(NULL, BATCH, 0)));
    OK(lanegrad_forward(backend, matrix(NULL, SIZE_MAX, 0), matrix(NULL, 0, 0), NULL, 0, LANEGRAD_RELU,
                        matrix_mut(NULL, SIZE_MAX, 0)));
    expect_untouched(__LINE__);

    /* Columns of one matrix: read some, write others. */
    float *wide = (float *)malloc(BATCH * 6 * sizeof(float));
    for (size_t i = 0; i < BATCH * 6; i++) wide[i] = (float)i;
    OK(lanegrad_forward(backend, strided(wide, BATCH, INPUTS, 6, 1), mw, NULL, 0, LANEGRAD_IDENTITY,
                        strided_mut(wide + INPUTS, BATCH, UNITS, 6, 1)));
    REFUSED(LANEGRAD_ERROR_OVERLAP, "the outputs and the inputs overlap",
            lanegrad_forward(backend, strided(wide, BATCH, INPUTS, 6, 1), mw, NULL, 0, LANEGRAD_IDENTITY,
                             strided_mut(wide + INPUTS - 1, BATCH, UNITS, 6, 1)));
    free(wide);
}

static void handles(void) {
    lanegrad_backend *backend = NULL;
    REFUSED(LANEGRAD_ERROR_NULL, "backend", lanegrad_backend_new(NULL));
    REFUSED(LANEGRAD_ERROR_NULL, "backend", lanegrad_backend_new_with_threads(1, NULL));
    REFUSED(LANEGRAD_ERROR_THREADS, "0 threads", lanegrad_backend_new_with_threads(0, &backend));
    REFUSED(LANEGRAD_ERROR_THREADS, "65 threads", lanegrad_backend_new_with_threads(65, &backend));
    REFUSED(LANEGRAD_ERROR_THREADS, "threads", lanegrad_backend_new_with_threads(SIZE_MAX, &backend));
    REFUSED(LANEGRAD_ERROR_MISALIGNED, "backend",
            lanegrad_backend_new((lanegrad_backend **)(uintptr_t)((uintptr_t)&backend + 1)));
    if (backend != NULL) failed = 1;
    OK(lanegrad_backend_new_with_threads(3, &backend));

    lanegrad_rule *rule = NULL, *other = NULL;
    REFUSED(LANEGRAD_ERROR_NULL, "rule", lanegrad_rule_sgd(0.1, NULL));
    REFUSED(LANEGRAD_ERROR_NULL, "rule", lanegrad_rule_adamw(0.1, 0.9, 0.999, 1e-8, 0.01, NULL));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "learning rate", lanegrad_rule_sgd(-1.0, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "learning rate", lanegrad_rule_sgd((double)NAN, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "momentum", lanegrad_rule_momentum(0.1, 1.0, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "momentum", lanegrad_rule_nesterov(0.1, -0.1, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "epsilon", lanegrad_rule_adagrad(0.1, -1.0, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "decay", lanegrad_rule_rmsprop(0.1, 1.5, 1e-8, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "decay", lanegrad_rule_rmsprop_outside(0.1, 1.5, 1e-8, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "beta1", lanegrad_rule_adam(0.1, 1.0, 0.999, 1e-8, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "beta2", lanegrad_rule_adam(0.1, 0.9, 1.0, 1e-8, &rule));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "decay", lanegrad_rule_adamw(0.1, 0.9, 0.999, 1e-8, -0.01, &rule));
    if (rule != NULL) failed = 1;
    REFUSED(LANEGRAD_ERROR_NULL, "rule", lanegrad_rule_set_learning_rate(NULL, 0.1));

    lanegrad_state *state = NULL;
    OK(lanegrad_rule_nesterov(0.1, 0.9, &rule));
    OK(lanegrad_rule_adamw(0.1, 0.9, 0.999, 1e-8, 0.01, &other));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "learning rate", lanegrad_rule_set_learning_rate(other, (double)INFINITY));
    REFUSED(LANEGRAD_ERROR_NULL, "rule", lanegrad_state_new(NULL, 8, &state));
    REFUSED(LANEGRAD_ERROR_NULL, "state", lanegrad_state_new(rule, 8, NULL));
    REFUSED(LANEGRAD_ERROR_OUT_OF_MEMORY, "no memory", lanegrad_state_new(rule, SIZE_MAX, &state));
    REFUSED(LANEGRAD_ERROR_OUT_OF_MEMORY, "no memory", lanegrad_state_new(rule, SIZE_MAX / 8, &state));
    if (state != NULL) failed = 1;
    OK(lanegrad_state_new(rule, 8, &state));
    REFUSED(LANEGRAD_ERROR_NULL, "state", lanegrad_state_update(NULL, backend, rule, 1, memory, g, 8));
    REFUSED(LANEGRAD_ERROR_NULL, "backend", lanegrad_state_update(state, NULL, rule, 1, memory, g, 8));
    REFUSED(LANEGRAD_ERROR_NULL, "rule", lanegrad_state_update(state, backend, NULL, 1, memory, g, 8));
    REFUSED(LANEGRAD_ERROR_NULL, "parameters", lanegrad_state_update(state, backend, rule, 1, NULL, g, 8));
    REFUSED(LANEGRAD_ERROR_NULL, "gradient", lanegrad_state_update(state, backend, rule, 1, memory, NULL, 8));
    REFUSED(LANEGRAD_ERROR_MISALIGNED, "gradient", lanegrad_state_update(state, backend, rule, 1, memory, misaligned(g), 8));
    REFUSED(LANEGRAD_ERROR_OVERLAP, "parameters", lanegrad_state_update(state, backend, rule, 1, memory, memory + 7, 8));
    REFUSED(LANEGRAD_ERROR_LENGTH, "length 7", lanegrad_state_update(state, backend, rule, 1, memory, g, 7));
    REFUSED(LANEGRAD_ERROR_LENGTH, "expected 8", lanegrad_state_update(state, backend, rule, 1, memory, g, SIZE_MAX));
    REFUSED(LANEGRAD_ERROR_STATE, "", lanegrad_state_update(state, backend, other, 1, memory, g, 8));
    REFUSED(LANEGRAD_ERROR_STATE, "look_ahead", lanegrad_state_update(state, backend, rule, 1, memory, g, 8));
    REFUSED(LANEGRAD_ERROR_HYPER_PARAMETER, "step", lanegrad_state_look_ahead(state, backend, rule, 0, memory, 8));
    REFUSED(LANEGRAD_ERROR_LENGTH, "", lanegrad_state_look_ahead(state, backend, rule, 1, memory, 9));
    REFUSED(LANEGRAD_ERROR_NULL, "state", lanegrad_state_look_ahead(NULL, backend, rule, 1, memory, 8));
    REFUSED(LANEGRAD_ERROR_NULL, "state", lanegrad_state_undo_look_ahead(NULL, memory, 8));
    REFUSED(LANEGRAD_ERROR_LENGTH, "", lanegrad_state_undo_look_ahead(state, memory, 0));
    OK(lanegrad_state_look_ahead(state, backend, rule, 1, memory, 8));
    OK(lanegrad_state_update(state, backend, rule, 1, memory, g, 8));
    memcpy(copy, memory, ELEMENTS * sizeof(float));
    OK(lanegrad_state_look_ahead(state, backend, rule, 2, memory, 8));
    OK(lanegrad_state_undo_look_ahead(state, memory, 8));
    expect_untouched(__LINE__);

    lanegrad_state_free(state);
    lanegrad_rule_free(rule);
    lanegrad_rule_free(other);
    lanegrad_backend_free(backend);
    lanegrad_state_free(NULL);
    lanegrad_rule_free(NULL);
    lanegrad_backend_free(NULL);
}

static float *filled(size_t count) {
    float *data = (float *)malloc(count * sizeof(float));
    if (data == NULL) exit(1);
    for (size_t i = 0; i < count; i++) data[i] = (float)(i % 7) / 8.0f - 0.25f;
    return data;
}

int main(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", LANEGRAD_VERSION_MAJOR, LANEGRAD_VERSION_MINOR, LANEGRAD_VERSION_PATCH);
    if (strcmp(lanegrad_version(), version) != 0 || lanegrad_abi() != LANEGRAD_ABI || *lanegrad_message() != '\0') failed = 1;

    memory = filled(ELEMENTS);
    copy = filled(ELEMENTS);
    x = filled(BATCH * INPUTS);
    w = filled(UNITS * INPUTS);
    bias = filled(UNITS);
    z = filled(BATCH * UNITS);
    g = filled(8);
    labels = (uint32_t *)calloc(BATCH, sizeof(uint32_t));
    loss = (double *)malloc(sizeof(double));
    if (labels == NULL || loss == NULL) return 1;
    *loss = -1.0;

    lanegrad_backend *backend = NULL;
    OK(lanegrad_backend_new(&backend));
    if (backend == NULL) return 1;
    inputs(backend);
    outputs(backend);
    vectors_and_scalars(backend);
    lanegrad_backend_free(backend);
    handles();

    float *floats[] = {memory, copy, x, w, bias, z, g};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) free(floats[i]);
    free(labels);
    free(loss);
    if (!failed) printf("every mistake was refused\n");
    return failed;
}
