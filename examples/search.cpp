// Finds the text files of a folder that mean what a query says. The embeddings of all paragraphs
// are kept in an index beside them, which is made when it is not there. usage: search MODEL FOLDER
// QUERY
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <heed.hpp>
#include <iostream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Index {
  std::vector<std::string> paragraphs;  // "FILE: text"
  heed::Embeddings embeddings;
};

/// Blocks of text between empty lines.
std::vector<std::string> read_paragraphs(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> paragraphs;
  for (const fs::path& path : files) {
    std::ifstream file(path);
    std::string text;
    for (std::string line; file;) {
      const bool more = static_cast<bool>(std::getline(file, line));
      if (more && !line.empty()) {
        text += (text.empty() ? "" : " ") + line;
      } else if (!text.empty()) {
        paragraphs.push_back(fs::relative(path, folder).string() + ": " + text);
        text.clear();
      }
    }
  }
  return paragraphs;
}

Index make_index(heed::Session& session, const fs::path& folder) {
  Index index{.paragraphs = read_paragraphs(folder), .embeddings = {}};
  index.embeddings =
      session.embed(index.paragraphs, {.truncate = true, .progress = [](int64_t done, int64_t all) {
                                         const auto cells = static_cast<size_t>(40 * done / all);
                                         std::cerr << "\r[" << std::string(cells, '#')
                                                   << std::string(40 - cells, ' ') << "] " << done
                                                   << " of " << all << (done < all ? "" : "\n");
                                       }});
  return index;
}

/// Each paragraph's length and text, then all numbers.
void save(const Index& index, const fs::path& path) {
  std::ofstream file(path, std::ios::binary);
  file << index.embeddings.rows << ' ' << index.embeddings.width << '\n';
  for (const std::string& text : index.paragraphs) file << text.size() << ' ' << text;
  file.write(reinterpret_cast<const char*>(index.embeddings.values.data()),
             static_cast<std::streamsize>(index.embeddings.values.size() * sizeof(float)));
}

Index load(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Index index;
  file >> index.embeddings.rows >> index.embeddings.width;
  index.paragraphs.resize(static_cast<size_t>(index.embeddings.rows));
  for (std::string& text : index.paragraphs) {
    size_t size = 0;
    file >> size;
    text.resize(size);
    file.ignore(1).read(text.data(), static_cast<std::streamsize>(size));
  }
  index.embeddings.values.resize(index.paragraphs.size() *
                                 static_cast<size_t>(index.embeddings.width));
  file.read(reinterpret_cast<char*>(index.embeddings.values.data()),
            static_cast<std::streamsize>(index.embeddings.values.size() * sizeof(float)));
  if (!file) throw std::runtime_error(path.string() + " is damaged: remove it");
  return index;
}

/// Vectors have length 1: the cosine is the sum of products.
std::vector<std::pair<float, std::string>> find(const Index& index,
                                                const std::vector<float>& query) {
  std::vector<std::pair<float, std::string>> found;
  const float* row = index.embeddings.values.data();
  for (const std::string& text : index.paragraphs) {
    found.emplace_back(std::inner_product(query.begin(), query.end(), row, 0.0F), text);
    row += query.size();
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::runtime_error("usage: search MODEL FOLDER QUERY");
  const fs::path folder = argv[2], saved = folder / "index.heed";
  heed::Session session(heed::Model::load(argv[1]));
  if (!fs::exists(saved)) save(make_index(session, folder), saved);
  const Index index = load(saved);
  const std::vector<std::string> query = {argv[3]};
  size_t shown = 0;
  for (const auto& [score, text] : find(index, session.embed(query).values)) {
    std::cout << score << "  " << text << "\n";
    if (++shown == 3) break;
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
