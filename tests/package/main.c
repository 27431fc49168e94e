#include <heed.h>
#include <stdio.h>

int main(int argc, char** argv) {
  heed_model* model = NULL;
  heed_token tokens[8];
  size_t count = 8;
  if (argc != 2 || heed_model_load(argv[1], NULL, &model) != HEED_OK ||
      heed_encode(model, "a b", HEED_TERMINATED, NULL, tokens, NULL, &count) != HEED_OK) {
    fprintf(stderr, "%s\n", heed_last_error());
    return 1;
  }
  printf("%zu tokens\n", count);
  heed_model_free(model);
  return 0;
}
