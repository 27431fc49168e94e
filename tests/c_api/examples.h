/* What the examples of heed.h are given. */
#ifndef HEED_TESTS_EXAMPLES_H
#define HEED_TESTS_EXAMPLES_H

#include <stdio.h>
#include <stdlib.h>

#include "heed.h"

#define EXAMPLE_ARGUMENTS                                                          \
  heed_model *model, heed_session *session, int64_t vocab, const char *model_path, \
      const char *output_path
#define EXAMPLE_VALUES model, session, vocab, model_path, output_path
#define EXAMPLE_UNUSED (void)model, (void)session, (void)vocab, (void)model_path, (void)output_path;

/* How many of them failed. */
int run_examples(EXAMPLE_ARGUMENTS);

/* Whether a call of example `number` failed otherwise than by asking for a size. */
int example_failed(int number);

#endif
