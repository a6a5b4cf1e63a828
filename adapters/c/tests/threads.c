/* Eight threads, each with its own handles, train the same layer, and each makes mistakes. All get the bits of the first run, and each
 * reads its own message. */
#include <lanegrad.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, ROUNDS = 200, BATCH = 33, INPUTS = 70, UNITS = 37 };

typedef struct {
    size_t number, backend_threads;
    float w[UNITS * INPUTS];
    int failed;
} job;

static int check(int32_t code, const char *what) {
    if (code == LANEGRAD_OK) return 0;
    fprintf(stderr, "%s: %d: %s\n", what, (int)code, lanegrad_message());
    return 1;
}

static void *run(void *argument) {
    job *self = (job *)argument;
    static const float zero[UNITS] = {0.0f};
    float x[BATCH * INPUTS], z[BATCH * UNITS], delta[BATCH * UNITS], dw[UNITS * INPUTS];
    for (size_t i = 0; i < BATCH * INPUTS; i++) x[i] = (float)(i * 7 % 31) / 31.0f - 0.5f;
    for (size_t i = 0; i < UNITS * INPUTS; i++) self->w[i] = (float)(i * 5 % 23) / 23.0f - 0.5f;
    lanegrad_backend *backend = NULL;
    lanegrad_rule *rule = NULL;
    lanegrad_state *state = NULL;
    self->failed |= check(lanegrad_backend_new_with_threads(self->backend_threads, &backend), "backend");
    self->failed |= check(lanegrad_rule_adam(1e-3, 0.9, 0.999, 1e-8, &rule), "rule");
    self->failed |= check(lanegrad_state_new(rule, UNITS * INPUTS, &state), "state");
    for (uint64_t step = 1; step <= ROUNDS && !self->failed; step++) {
        double loss;
        lanegrad_matrix inputs = {x, BATCH, INPUTS, INPUTS, 1}, weights = {self->w, UNITS, INPUTS, INPUTS, 1};
        lanegrad_matrix outputs = {z, BATCH, UNITS, UNITS, 1}, target = {zero, BATCH, UNITS, 0, 1};
        lanegrad_matrix deltas = {delta, BATCH, UNITS, UNITS, 1};
        lanegrad_matrix_mut outputs_mut = {z, BATCH, UNITS, UNITS, 1}, deltas_mut = {delta, BATCH, UNITS, UNITS, 1};
        lanegrad_matrix_mut dw_mut = {dw, UNITS, INPUTS, INPUTS, 1};
        self->failed |= check(lanegrad_forward(backend, inputs, weights, NULL, 0, LANEGRAD_TANH, outputs_mut), "forward");
        self->failed |=
            check(lanegrad_squared_error(backend, outputs, target, 1.0f, LANEGRAD_TANH, deltas_mut, &loss), "loss");
        self->failed |= check(lanegrad_gradient(backend, deltas, inputs, 0, &dw_mut, NULL, 0), "gradient");
        self->failed |= check(lanegrad_state_update(state, backend, rule, step, self->w, dw, UNITS * INPUTS), "update");

        /* A message of this thread alone. */
        char expected[64];
        snprintf(expected, sizeof expected, "bias has length %zu, expected %d", 1000 + self->number, UNITS);
        static const float bias[1000 + THREADS + 1] = {0.0f};
        int32_t code = lanegrad_forward(backend, inputs, weights, bias, 1000 + self->number, LANEGRAD_TANH, outputs_mut);
        if (code != LANEGRAD_ERROR_LENGTH || strstr(lanegrad_message(), expected) == NULL) {
            fprintf(stderr, "thread %zu: %d: %s\n", self->number, (int)code, lanegrad_message());
            self->failed = 1;
        }
    }
    lanegrad_state_free(state);
    lanegrad_rule_free(rule);
    lanegrad_backend_free(backend);
    return NULL;
}

int main(void) {
    static job jobs[THREADS + 1];
    pthread_t threads[THREADS];
    for (size_t i = 0; i <= THREADS; i++) {
        jobs[i].number = i;
        jobs[i].backend_threads = 1 + (i % 4 == 3);
    }
    run(&jobs[THREADS]);
    int failed = jobs[THREADS].failed;
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run, &jobs[i]) != 0) return 1;
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        failed |= jobs[i].failed;
        if (memcmp(jobs[i].w, jobs[THREADS].w, sizeof jobs[i].w) != 0) {
            fprintf(stderr, "thread %zu computed other bits\n", i);
            failed = 1;
        }
    }
    if (!failed) printf("%d threads computed the same bits\n", THREADS);
    return failed;
}
