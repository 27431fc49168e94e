/* Runs the examples of heed.h on tiny models: a decoder, which it gives a chat template, an encoder
 * and an encoder-decoder.
 * usage: heed-h-examples DECODER ENCODER ENCODER_DECODER_DIRECTORY OUTPUT */
#include <string.h>

#include "examples.h"

static const char* last_seen = "";

int print_text(void* user, const char* text, size_t length) {
  (void)user;
  return printf("%.*s\n", (int)length, text) >= 0;
}

int print_translation(void* user, size_t index, const heed_translation* translation) {
  (void)user;
  return printf("%zu: %s\n", index, translation->hypotheses[0]->text) > 0;
}

int look_at_logits(void* user, int64_t row, const float* logits, size_t vocab) {
  (void)user;
  return row >= 0 && vocab > 0 && logits[0] == logits[0];
}

int look_at_pair(void* user, size_t index, const heed_token* tokens, const double* logprobs,
                 size_t count) {
  (void)user;
  return index == 0 && count > 0 && tokens[0] >= 0 && logprobs[0] <= 0;
}

/* Examples ask for sizes, and the first shows an error. */
int example_failed(int number) {
  const char* const expected[] = {"", "length is 0: expected ", "count is 0: expected ",
                                  "the session is null"};
  const char* error = heed_last_error();
  size_t i;
  for (i = 0; i < sizeof expected / sizeof *expected; ++i) {
    const size_t length = strlen(expected[i]);
    if (length == 0 ? error[0] == '\0' : strncmp(error, expected[i], length) == 0) return 0;
  }
  if (strcmp(error, last_seen) == 0) return 0; /* of an earlier example */
  last_seen = error;
  fprintf(stderr, "example %d: %s\n", number, error);
  return 1;
}

static void* read_file(const char* path, size_t* length) {
  FILE* file = fopen(path, "rb");
  void* bytes = NULL;
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  bytes = malloc(*length);
  if (bytes && fread(bytes, 1, *length, file) != *length) *length = 0;
  fclose(file);
  return bytes;
}

static heed_status open_session(const char* path, heed_session** session) {
  heed_model* model = NULL;
  heed_status status = heed_model_load(path, NULL, &model);
  if (status == HEED_OK) status = heed_session_new(model, NULL, session);
  heed_model_free(model); /* the session keeps what it needs */
  return status;
}

int main(int argc, char** argv) {
  const heed_pair chat_template = {"tokenizer.chat_template",
                                   "{% for m in messages %}{{ m.content }}{% endfor %}"};
  static char translator_path[4096], state_path[4096], output_path[4096];
  Given given;
  heed_convert_params params;
  heed_model_info info;
  void* bytes = NULL;
  int failed = 1;
  if (argc != 5) return 2;
  memset(&given, 0, sizeof given);
  heed_convert_params_init(&params);
  params.type = "f32"; /* with a record, which heed_verify needs */
  params.metadata = &chat_template;
  params.metadata_count = 1;
  heed_model_info_init(&info);
  snprintf(translator_path, sizeof translator_path, "%s.translator.gguf", argv[4]);
  snprintf(state_path, sizeof state_path, "%s.state", argv[4]);
  snprintf(output_path, sizeof output_path, "%s.output.gguf", argv[4]);
  if (heed_convert(argv[1], argv[4], &params, NULL, NULL) == HEED_OK &&
      heed_convert(argv[3], translator_path, NULL, NULL, NULL) == HEED_OK &&
      heed_model_load(argv[4], NULL, &given.model) == HEED_OK &&
      heed_session_new(given.model, NULL, &given.session) == HEED_OK &&
      open_session(argv[2], &given.encoder) == HEED_OK &&
      open_session(translator_path, &given.translator) == HEED_OK &&
      heed_model_get_info(given.model, &info) == HEED_OK) {
    given.vocab = info.vocab;
    given.model_path = argv[4];
    given.output_path = output_path;
    given.state_path = state_path;
    given.model_bytes = bytes = read_file(argv[4], &given.model_length);
    failed = run_examples(&given);
  } else {
    fprintf(stderr, "%s\n", heed_last_error());
  }
  heed_session_free(given.translator);
  heed_session_free(given.encoder);
  heed_session_free(given.session);
  heed_model_free(given.model);
  free(bytes);
  return failed != 0;
}
