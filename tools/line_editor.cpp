// Line editing by libedit (BSD). Reference: editline(3).
#include "tools/line_editor.h"

#include <histedit.h>

#include <clocale>
#include <cstdio>

namespace heed {

struct LineEditor::Impl {
  EditLine* editor = nullptr;
  History* history = nullptr;
  HistEvent event = {};
  std::string prompt;
};

LineEditor::LineEditor() : impl_(std::make_unique<Impl>()) {
  // libedit asks the locale for the encoding; ours is UTF-8 whatever the environment says.
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) std::setlocale(LC_CTYPE, "");
  impl_->history = history_init();
  history(impl_->history, &impl_->event, H_SETSIZE, 1000);
  impl_->editor = el_init("heed", stdin, stderr, stderr);
  const auto prompt = [](EditLine* editor) -> char* {
    Impl* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return self->prompt.data();
  };
  el_set(impl_->editor, EL_CLIENTDATA, impl_.get());
  el_set(impl_->editor, EL_PROMPT, static_cast<char* (*)(EditLine*)>(prompt));
  el_set(impl_->editor, EL_EDITOR, "emacs");
  el_set(impl_->editor, EL_HIST, history, impl_->history);
  el_set(impl_->editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

LineEditor::~LineEditor() {
  el_end(impl_->editor);
  history_end(impl_->history);
}

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  impl_->prompt = prompt;
  int count = 0;
  const char* line = el_gets(impl_->editor, &count);
  if (line == nullptr || count <= 0) {
    std::fputs("\n", stderr);
    return std::nullopt;
  }
  std::string text(line, static_cast<size_t>(count));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

void LineEditor::remember(const std::string& line) {
  history(impl_->history, &impl_->event, H_ENTER, line.c_str());
}

}  // namespace heed
