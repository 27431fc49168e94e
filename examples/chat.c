/* A conversation in C: what you say, a line at a time, and what the model answers.
 * usage: chat MODEL */
#include <heed.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call) \
  if ((call) != HEED_OK) return fprintf(stderr, "%s\n", heed_last_error()), 1

static int show(void* user, const char* text, size_t length) {
  (void)user;
  return fwrite(text, 1, length, stdout) == length && fflush(stdout) == 0;
}

int main(int argc, char** argv) {
  static char said[64][4096], prompt[1 << 18]; /* what was said so far */
  static heed_message messages[64];
  static heed_token tokens[1 << 16];
  heed_model* model;
  heed_session* session;
  heed_encode_params encode; /* the template writes the special tokens that it wants */
  heed_generate_params generate;
  heed_encode_params_init(&encode), encode.add_special = 0;
  heed_generate_params_init(&generate), generate.on_text = show, generate.max_tokens = 200;
  CHECK(heed_model_load(argc > 1 ? argv[1] : "smollm2", NULL, &model));
  CHECK(heed_session_new(model, NULL, &session));
  for (size_t n = 0; n + 2 <= 64 && fgets(said[n], sizeof said[n], stdin); n += 2) {
    size_t length = sizeof prompt, count = sizeof tokens / sizeof *tokens,
           room = sizeof said[n + 1];
    said[n][strcspn(said[n], "\n")] = '\0';
    messages[n] = (heed_message){"user", said[n]};
    CHECK(heed_chat_prompt(model, messages, n + 1, 1, prompt, &length));
    CHECK(heed_encode(model, prompt, length, &encode, tokens, NULL, &count));
    CHECK(heed_generate(session, tokens, count, &generate, NULL));
    CHECK(heed_session_answer(session, said[n + 1], &room));
    messages[n + 1] = (heed_message){"assistant", said[n + 1]};
    puts("");
  }
  heed_session_free(session);
  heed_model_free(model);
  return 0;
}
