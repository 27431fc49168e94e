// Continues a text: ./generate smollm2 "The capital of France is"
#include <heed.hpp>
#include <iostream>

int main(int, char** argv) {
  const heed::Model model = heed::Model::load(argv[1]);
  heed::Session session(model);
  session.generate(model.tokenizer().encode(argv[2]), {.max_tokens = 8}, [](std::string_view text) {
    std::cout << text << std::flush;
    return true;
  });
}
