#include <cstdio>
#include <exception>
#include <heed.hpp>

int main(int argc, char** argv) try {
  const heed::Model model = heed::Model::load(argc == 2 ? argv[1] : "");
  std::printf("%zu tokens\n", model.tokenizer().encode("a b").size());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
