/* chat MODEL: a conversation, what you say a line at a time. */
#include <heed.h>
#include <stdio.h>

static int show(void* file, const char* text, size_t length) {
  return fwrite(text, 1, length, file) == length && fflush(file) == 0; /* 0 ends the answer */
}

int main(int argc, char** argv) {
  static char said[64][4096]; /* by you and the model in turn, a zero byte behind each */
  heed_message messages[64];
  heed_model* model = NULL;
  heed_session* session = NULL;
  heed_generate_params params;
  heed_generate_params_init(&params);
  params.max_tokens = 200, params.on_text = show, params.user = stdout;
  heed_status status = heed_model_load(argc > 1 ? argv[1] : "smollm2", NULL, &model);
  if (status == HEED_OK) status = heed_session_new(model, NULL, &session);
  for (size_t n = 0; status == HEED_OK && n < 64 && scanf(" %4095[^\n]", said[n]) == 1; n += 2) {
    messages[n] = (heed_message){"user", said[n]};
    messages[n + 1] = (heed_message){"assistant", said[n + 1]};
    status = heed_chat(session, messages, n + 1, &params, NULL);
    if (status == HEED_OK) status = heed_session_answer(session, said[n + 1], &(size_t){4095});
    puts("");
  }
  if (status != HEED_OK) fprintf(stderr, "%s\n", heed_last_error());
  heed_session_free(session);
  heed_model_free(model);
  return status != HEED_OK;
}
