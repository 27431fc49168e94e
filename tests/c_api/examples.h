/* What the examples of heed.h are given: models and sessions of each kind, callbacks, paths. */
#ifndef HEED_TESTS_EXAMPLES_H
#define HEED_TESTS_EXAMPLES_H

#include <stdio.h>
#include <stdlib.h>

#include "heed.h"

typedef struct Given {
  heed_model* model; /* a decoder */
  heed_session* session;
  heed_session* encoder;
  heed_session* translator;
  int64_t vocab;
  const char* model_path;
  const char* output_path;
  const char* state_path;
  const void* model_bytes;
  size_t model_length;
} Given;

int print_text(void* user, const char* text, size_t length);
int print_translation(void* user, size_t index, const heed_translation* translation);
int look_at_logits(void* user, int64_t row, const float* logits, size_t vocab);
int look_at_pair(void* user, size_t index, const heed_token* tokens, const double* logprobs,
                 size_t count);

/* The names that examples use, each of which may be unused. */
#define EXAMPLE_NAMES(given)                                                \
  heed_model* model = given->model;                                         \
  heed_session* session = given->session;                                   \
  heed_session* encoder = given->encoder;                                   \
  heed_session* translator = given->translator;                             \
  int64_t vocab = given->vocab;                                             \
  const char* model_path = given->model_path;                               \
  const char* output_path = given->output_path;                             \
  const char* state_path = given->state_path;                               \
  const void* model_bytes = given->model_bytes;                             \
  size_t model_length = given->model_length;                                \
  (void)model, (void)session, (void)encoder, (void)translator, (void)vocab; \
  (void)model_path, (void)output_path, (void)state_path, (void)model_bytes; \
  (void)model_length;

/* How many of them failed. */
int run_examples(const Given* given);

/* Whether a call of example `number` failed otherwise than it should. */
int example_failed(int number);

#endif
