/* Every function computes its own formula, with its arguments in their order: against double precision. */
#include <lanegrad.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 5, STEPS = 4 };
static int failed = 0;

static void check(int line, int32_t code) {
    if (code != LANEGRAD_OK) {
        fprintf(stderr, "line %d: %d: %s\n", line, (int)code, lanegrad_message());
        exit(1);
    }
}
#define OK(call) check(__LINE__, call)

static void expect(const char *what, double found, double expected) {
    if (!(fabs(found - expected) <= 1e-6 * (1.0 + fabs(expected)))) {
        fprintf(stderr, "%s: %.9g, expected %.9g\n", what, found, expected);
        failed = 1;
    }
}

static lanegrad_matrix row(const float *data, size_t cols) {
    lanegrad_matrix view = {data, 1, cols, (ptrdiff_t)cols, 1};
    return view;
}

static lanegrad_matrix_mut row_mut(float *data, size_t cols) {
    lanegrad_matrix_mut view = {data, 1, cols, (ptrdiff_t)cols, 1};
    return view;
}

static double h(int32_t activation, double a) {
    switch (activation) {
    case LANEGRAD_SIGMOID: return 1.0 / (1.0 + exp(-a));
    case LANEGRAD_TANH: return tanh(a);
    case LANEGRAD_SOFTSIGN: return a / (1.0 + fabs(a));
    case LANEGRAD_RELU: return a < 0.0 ? 0.0 : a;
    default: return a;
    }
}

static double derivative(int32_t activation, double a) {
    double z = h(activation, a);
    switch (activation) {
    case LANEGRAD_SIGMOID: return z * (1.0 - z);
    case LANEGRAD_TANH: return 1.0 - z * z;
    case LANEGRAD_SOFTSIGN: return (1.0 - fabs(z)) * (1.0 - fabs(z));
    case LANEGRAD_RELU: return z > 0.0 ? 1.0 : 0.0;
    default: return 1.0;
    }
}

static const float A[N] = {-2.0f, -0.25f, 0.5f, 1.0f, 3.0f}, G[N] = {1.0f, -2.0f, 0.5f, 3.0f, -1.0f};
static const float TARGET[N] = {0.5f, 0.25f, -0.5f, 1.0f, 0.0f};

static void activations(lanegrad_backend *backend) {
    const float one = 1.0f;
    for (int32_t activation = LANEGRAD_IDENTITY; activation <= LANEGRAD_RELU; activation++) {
        float z[N], applied[N], delta[N], below[N], loss_delta[N];
        double loss, exact = 0.0;
        lanegrad_matrix column = {A, N, 1, 1, 1};
        lanegrad_matrix z_view = row(z, N);
        OK(lanegrad_forward(backend, row(&one, 1), column, NULL, 0, activation, row_mut(z, N)));
        for (int i = 0; i < N; i++) applied[i] = A[i];
        OK(lanegrad_activation_apply(backend, activation, applied, N));
        OK(lanegrad_activation_backward(backend, row(G, N), z_view, activation, row_mut(delta, N)));
        lanegrad_matrix g_as_weights = {G, 1, N, N, 1};
        OK(lanegrad_backward(backend, row(&one, 1), g_as_weights, activation, &z_view, row_mut(below, N)));
        OK(lanegrad_squared_error(backend, z_view, row(TARGET, N), 0.5f, activation, row_mut(loss_delta, N), &loss));
        for (int i = 0; i < N; i++) {
            double a = (double)A[i], error = h(activation, a) - (double)TARGET[i];
            expect("forward", z[i], h(activation, a));
            expect("activation", applied[i], h(activation, a));
            expect("activation backward", delta[i], (double)G[i] * derivative(activation, a));
            expect("backward", below[i], (double)G[i] * derivative(activation, a));
            expect("squared error's delta", loss_delta[i], error * derivative(activation, a));
            exact += 0.5 * error * error;
        }
        expect("squared error", loss, exact);
    }
}

static void products_and_softmax(lanegrad_backend *backend) {
    const float bias[2] = {10.0f, 20.0f}, x[N] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f}, delta[2] = {0.5f, -1.0f};
    float w[2 * N], z[2], dw[2 * N], db[2] = {1.0f, 1.0f}, dx[N];
    for (int i = 0; i < 2 * N; i++) w[i] = (float)i, dw[i] = 100.0f;
    lanegrad_matrix weights = {w, 2, N, N, 1};
    lanegrad_matrix_mut dw_view = {dw, 2, N, N, 1};
    OK(lanegrad_forward(backend, row(x, N), weights, bias, 2, LANEGRAD_IDENTITY, row_mut(z, 2)));
    expect("forward with bias", z[0], 10.0 + 40.0);
    expect("forward with bias", z[1], 20.0 + 115.0);
    OK(lanegrad_backward(backend, row(delta, 2), weights, -7, NULL, row_mut(dx, N)));
    for (int i = 0; i < N; i++) expect("backward", dx[i], 0.5 * i - (N + i));
    OK(lanegrad_gradient(backend, row(delta, 2), row(x, N), 1, &dw_view, db, 2));
    expect("accumulated gradient", dw[N + 1], 100.0 - 2.0);
    expect("accumulated bias gradient", db[0], 1.5);
    OK(lanegrad_gradient(backend, row(delta, 2), row(x, N), 0, &dw_view, db, 2));
    expect("gradient", dw[N + 1], -2.0);
    expect("bias gradient", db[1], -1.0);

    const uint32_t label = 3;
    float softmax[N];
    double loss, sum = 0.0;
    OK(lanegrad_softmax_cross_entropy(backend, row(A, N), &label, 1, row_mut(softmax, N), &loss));
    for (int i = 0; i < N; i++) sum += exp((double)A[i]);
    expect("softmax cross-entropy", loss, log(sum) - (double)A[label]);
    for (int i = 0; i < N; i++) expect("softmax", softmax[i], exp((double)A[i]) / sum - (i == (int)label));
}

typedef struct {
    double theta, v, r, s;
} exact;

/* One update, at a learning rate. */
typedef void (*formula)(exact *, double rate, double g, int t);
static void sgd(exact *e, double rate, double g, int t) { (void)t, e->theta -= rate * g; }
static void momentum(exact *e, double rate, double g, int t) {
    (void)t, e->v = 0.8 * e->v - rate * g, e->theta += e->v;
}
static void adagrad(exact *e, double rate, double g, int t) {
    (void)t, e->r += g * g, e->theta -= rate * g / (0.25 + sqrt(e->r));
}
static void rmsprop(exact *e, double rate, double g, int t) {
    (void)t, e->r = 0.7 * e->r + 0.3 * g * g, e->theta -= rate * g / sqrt(0.25 + e->r);
}
static void rmsprop_outside(exact *e, double rate, double g, int t) {
    (void)t, e->r = 0.7 * e->r + 0.3 * g * g, e->theta -= rate * g / (0.25 + sqrt(e->r));
}
static void adam(exact *e, double rate, double g, int t) {
    e->s = 0.6 * e->s + 0.4 * g, e->r = 0.7 * e->r + 0.3 * g * g;
    e->theta -= rate * e->s / (1.0 - pow(0.6, t)) / (0.25 + sqrt(e->r / (1.0 - pow(0.7, t))));
}
static void adamw(exact *e, double rate, double g, int t) {
    e->theta -= rate * 0.125 * e->theta;
    adam(e, rate, g, t);
}

static void updates(lanegrad_backend *backend) {
    enum { RULES = 8 };
    static const char *const names[RULES] = {"sgd",     "momentum",        "nesterov", "adagrad",
                                             "rmsprop", "rmsprop outside", "adam",     "adamw"};
    const formula formulas[RULES] = {sgd, momentum, momentum, adagrad, rmsprop, rmsprop_outside, adam, adamw};
    lanegrad_rule *rules[RULES];
    OK(lanegrad_rule_sgd(0.1, &rules[0]));
    OK(lanegrad_rule_momentum(0.1, 0.8, &rules[1]));
    OK(lanegrad_rule_nesterov(0.1, 0.8, &rules[2]));
    OK(lanegrad_rule_adagrad(0.1, 0.25, &rules[3]));
    OK(lanegrad_rule_rmsprop(0.1, 0.7, 0.25, &rules[4]));
    OK(lanegrad_rule_rmsprop_outside(0.1, 0.7, 0.25, &rules[5]));
    OK(lanegrad_rule_adam(0.1, 0.6, 0.7, 0.25, &rules[6]));
    OK(lanegrad_rule_adamw(0.1, 0.6, 0.7, 0.25, 0.125, &rules[7]));
    for (int rule = 0; rule < RULES; rule++) {
        lanegrad_state *state;
        OK(lanegrad_state_new(rules[rule], N, &state));
        float theta[N], gradient[N];
        exact e[N];
        for (int i = 0; i < N; i++) {
            exact start = {(double)A[i], 0.0, 0.0, 0.0};
            theta[i] = A[i], e[i] = start;
        }
        for (int t = 1; t <= STEPS; t++) {
            double rate = t <= 2 ? 0.1 : 0.05;
            if (t == 3) OK(lanegrad_rule_set_learning_rate(rules[rule], rate));
            OK(lanegrad_state_look_ahead(state, backend, rules[rule], (uint64_t)t, theta, N));
            for (int i = 0; i < N; i++) {
                double ahead = rule == 2 ? e[i].theta + 0.8 * e[i].v : e[i].theta;
                expect("look-ahead", theta[i], ahead);
                gradient[i] = theta[i] - G[i]; /* of (theta - G)^2 / 2 */
                formulas[rule](&e[i], rate, ahead - (double)G[i], t);
            }
            OK(lanegrad_state_update(state, backend, rules[rule], (uint64_t)t, theta, gradient, N));
            for (int i = 0; i < N; i++) expect(names[rule], theta[i], e[i].theta);
        }
        lanegrad_state_free(state);
        lanegrad_rule_free(rules[rule]);
    }
}

int main(void) {
    for (size_t threads = 1; threads <= 2; threads++) {
        lanegrad_backend *backend;
        OK(lanegrad_backend_new_with_threads(threads, &backend));
        activations(backend);
        products_and_softmax(backend);
        updates(backend);
        lanegrad_backend_free(backend);
    }
    if (!failed) printf("every function computes its formula\n");
    return failed;
}
