// A filter that translates: a line in, a line out, as many at once as there are.
// usage: translate MODEL < english.txt > german.txt
#include <heed.hpp>
#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) try {
  const heed::Model model = heed::Model::load(argc > 1 ? argv[1] : "en-de");
  heed::Session session(model);
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) lines.push_back(line);
  session.translate(lines, {.truncate = true}, [](size_t, const heed::Translation& translation) {
    std::cout << translation.text() << std::endl;
    return std::cout.good();
  });
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
