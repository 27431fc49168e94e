#include "engine/convert/chat_template.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/core/mapped_file.h"
#include "engine/text/edited_text.h"

namespace heed {
namespace {

constexpr std::string_view kKey = "tokenizer.chat_template";

/// The value of "chat_template": a template, or a list of them with names.
void set_from_json(const JsonFile& file, const Json& value, Metadata& metadata) {
  if (value.is_string()) return metadata.set(kKey, value.get<std::string>());
  if (!value.is_array()) file.refuse("'chat_template': expected a string or a list");
  std::vector<std::string> names;
  for (const Json& entry : value) {
    const auto name = file.text(entry, "name");
    const auto text = file.text(entry, "template");
    if (!name || !text) file.refuse("'chat_template': expected a 'name' and a 'template' of each");
    if (*name == "default") {
      metadata.set(kKey, *text);
    } else {
      metadata.set(cat(kKey, ".", *name), *text);
      names.push_back(*name);
    }
  }
  if (!names.empty()) metadata.set("tokenizer.chat_templates", std::move(names));
}

}  // namespace

void set_chat_template(const Source& source, Metadata& metadata) {
  constexpr std::string_view kTemplate = "chat_template.jinja";
  if (source.has(kTemplate)) {
    const auto path = source.path(kTemplate);
    const MappedFile file = MappedFile::open(path);
    std::string text(file.text());
    if (repair_utf8(text).changed()) {
      fail(Error::Code::format, path.string(), ": not valid UTF-8");
    }
    return metadata.set(kKey, std::move(text));
  }
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    const auto file = source.json(name);
    const Json* value = file ? file->find("chat_template") : nullptr;
    if (value) return set_from_json(*file, *value, metadata);
  }
}

}  // namespace heed
