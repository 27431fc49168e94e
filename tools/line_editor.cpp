// Line editing by libedit (BSD). Reference: editline(3).
#include "tools/line_editor.h"

#include <histedit.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "tools/terminal.h"

namespace heed {
namespace {

// Bracketed paste, as xterm defined it: the terminal marks where pasted text begins and ends, so
// that the ends of its lines are not taken for the Enter key.
constexpr const char* kPasteOn = "\x1b[?2004h";
constexpr const char* kPasteOff = "\x1b[?2004l";
constexpr const char* kPasteBegins = "\x1b[200~";
constexpr std::wstring_view kPasteEnds = L"\x1b[201~";

/// An editor command, bound to kPasteBegins.
unsigned char insert_paste(EditLine* editor, int) {
  std::wstring text;
  wchar_t c = 0;
  while (!text.ends_with(kPasteEnds) && el_wgetc(editor, &c) == 1) {
    text += c == L'\r' ? L'\n' : c;
  }
  if (text.ends_with(kPasteEnds)) text.resize(text.size() - kPasteEnds.size());
  std::erase(text, L'\0');
  if (!text.empty()) el_winsertstr(editor, text.c_str());
  return CC_REFRESH;
}

unsigned char suspend(EditLine* editor, int) {
  el_set(editor, EL_PREP_TERM, 0);
  std::raise(SIGTSTP);
  el_set(editor, EL_PREP_TERM, 1);
  return CC_REDISPLAY;
}

}  // namespace

struct LineEditor::Impl {
  EditLine* editor = nullptr;
  History* history = nullptr;
  HistEvent event = {};
  std::string prompt;
  bool interrupted = false;

  static Impl& of(EditLine* editor) {
    Impl* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *self;
  }
  static unsigned char interrupt(EditLine* editor, int) {
    of(editor).interrupted = true;
    return CC_EOF;
  }
};

LineEditor::LineEditor() : impl_(std::make_unique<Impl>()) {
  // libedit asks the locale for the encoding; ours is UTF-8 whatever the environment says.
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) std::setlocale(LC_CTYPE, "");
  impl_->history = history_init();
  history(impl_->history, &impl_->event, H_SETSIZE, 1000);
  impl_->editor = el_init("heed", stdin, stderr, stderr);
  const auto prompt = [](EditLine* editor) -> char* { return Impl::of(editor).prompt.data(); };
  el_set(impl_->editor, EL_CLIENTDATA, impl_.get());
  el_set(impl_->editor, EL_PROMPT, static_cast<char* (*)(EditLine*)>(prompt));
  el_set(impl_->editor, EL_EDITOR, "emacs");
  el_set(impl_->editor, EL_HIST, history, impl_->history);
  el_set(impl_->editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // In a line Ctrl-C is a key: as a signal it could come just before the wait for the next key.
  el_set(impl_->editor, EL_SETTY, "-d", "-isig", nullptr);
  el_set(impl_->editor, EL_ADDFN, "heed-interrupt", "drop the line", &Impl::interrupt);
  el_set(impl_->editor, EL_BIND, "^C", "heed-interrupt", nullptr);
  el_set(impl_->editor, EL_ADDFN, "heed-suspend", "stop until fg", suspend);
  el_set(impl_->editor, EL_BIND, "^Z", "heed-suspend", nullptr);
  el_set(impl_->editor, EL_ADDFN, "heed-paste", "insert pasted text", insert_paste);
  el_set(impl_->editor, EL_BIND, kPasteBegins, "heed-paste", nullptr);
}

LineEditor::~LineEditor() {
  el_end(impl_->editor);
  history_end(impl_->history);
}

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  impl_->prompt = prompt;
  el_resize(impl_->editor);  // the window may have changed
  impl_->interrupted = false;
  int count = 0;
  std::fputs(kPasteOn, stderr);
  el_set(impl_->editor, EL_PREP_TERM, 1);  // el_gets would do so only after it shows the prompt
  const char* line = el_gets(impl_->editor, &count);
  std::fputs(kPasteOff, stderr);
  if (line == nullptr || count <= 0) {
    std::fputs("\n", stderr);
    if (impl_->interrupted) throw Interrupted();
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
