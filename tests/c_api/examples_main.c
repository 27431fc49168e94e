/* Runs the examples of heed.h on a model, which it gives a chat template first.
 * usage: heed-h-examples MODEL OUTPUT */
#include <string.h>

#include "examples.h"

int example_failed(int number) {
  const char* error = heed_last_error();
  const char* asked = "length is 0: expected ";
  if (error[0] == '\0' || strncmp(error, asked, strlen(asked)) == 0) return 0;
  fprintf(stderr, "example %d: %s\n", number, error);
  return 1;
}

int main(int argc, char** argv) {
  const heed_pair chat_template = {"tokenizer.chat_template",
                                   "{% for m in messages %}{{ m.content }}{% endfor %}"};
  heed_convert_params params;
  heed_model* model = NULL;
  heed_session* session = NULL;
  heed_model_info info;
  int failed = 1;
  heed_convert_params_init(&params);
  params.metadata = &chat_template;
  params.metadata_count = 1;
  heed_model_info_init(&info);
  if (argc == 3 && heed_convert(argv[1], argv[2], &params, NULL, NULL) == HEED_OK &&
      heed_model_load(argv[2], NULL, &model) == HEED_OK &&
      heed_session_new(model, NULL, &session) == HEED_OK &&
      heed_model_get_info(model, &info) == HEED_OK) {
    failed = run_examples(model, session, info.vocab, argv[1], argv[2]);
  } else {
    fprintf(stderr, "%s\n", heed_last_error());
  }
  heed_session_free(session);
  heed_model_free(model);
  return failed != 0;
}
