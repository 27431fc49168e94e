// heed run: answers a prompt, or talks.
#include <unistd.h>

#include <cstdio>

#include "tools/arguments.h"
#include "tools/chat.h"
#include "tools/generation.h"
#include "tools/input.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/terminal.h"

namespace heed {
namespace {

class Run : public Verb {
 public:
  About about() const override {
    return {.name = "run",
            .arguments = "MODEL [PROMPT]",
            .summary = "answers a prompt; with none, an interactive chat",
            .example =
                "  heed run smollm2 \"Why is the sky blue?\"\n"
                "  heed run smollm2 --raw -p \"The capital of France is\" -n 8 --temp 0"};
  }
  void add_flags(Flags& flags) override;
  void run(Words& words, Output& out) override;

 private:
  Generation generate(const Model& model, Session& session, const std::string& prompt,
                      Output& out) const;
  void answer(const Model& model, Session& session, const std::string& prompt, Output& out) const;
  void describe(const Model& model, const Session& session) const;

  ModelArguments model_;
  SessionArguments session_;
  SamplingArguments sampling_;
  std::optional<std::string> prompt_;
  std::string file_;
  std::string system_;
  bool raw_ = false;
  bool verbose_ = false;
};

void Run::add_flags(Flags& flags) {
  flags.add("-p,--prompt", "TEXT", prompt_, "the prompt");
  flags.add("-f,--file", "FILE", file_, "read it from a file; - is stdin");
  flags.add("-sys,--system-prompt", "TEXT", system_, "what the model should be");
  flags.add("--raw,-no-cnv,--no-conversation", raw_,
            "continue the text as it is, no chat template");
  sampling_.add_flags(flags);
  session_.add_flags(flags);
  model_.add_flags(flags);
  flags.add("-v,--verbose", verbose_, "say more about the model and each answer");
}

void Run::run(Words& words, Output& out) {
  model_.take_name(words);
  const bool chat = !prompt_ && file_.empty() && words.empty() && is_terminal(STDIN_FILENO);
  if (chat && raw_) throw UsageError("--raw needs a prompt");
  require_utf8(system_, "the system prompt");
  std::string prompt;
  if (!chat) {
    const bool is_file = !prompt_ && words.empty();
    prompt = take_text(prompt_, file_, words, "PROMPT");
    if (is_file && prompt.ends_with('\n')) prompt.pop_back();  // the editor's, not the writer's
  }
  const Model model = model_.load();
  Session session(model, session_.options(model_));
  if (verbose_) describe(model, session);
  catch_interrupts();
  if (chat) {
    Chat(model, session, {.system = system_, .sampling = sampling_, .verbose = verbose_}, out)
        .run();
  } else {
    answer(model, session, prompt, out);
  }
}

Generation Run::generate(const Model& model, Session& session, const std::string& prompt,
                         Output& out) const {
  const GenerateOptions options = sampling_.resolve();
  if (raw_ || model.chat_template().empty()) {
    if (!system_.empty()) throw UsageError("a system prompt needs a chat template");
    return stream_answer(session, model.tokenizer().encode(prompt), options, out);
  }
  std::vector<Message> messages;
  if (!system_.empty()) messages.push_back({.role = "system", .content = system_});
  messages.push_back({.role = "user", .content = prompt});
  return stream_chat(session, messages, options, out);
}

void Run::answer(const Model& model, Session& session, const std::string& prompt,
                 Output& out) const {
  const Generation generation = generate(model, session, prompt, out);
  // --raw writes the text to a file or pipe as it is, to the byte.
  if (!raw_ || is_terminal(STDOUT_FILENO)) out.write("\n");
  out.flush();
  const std::string ending = ending_text(generation, session);
  if (!ending.empty()) std::fprintf(stderr, "heed: %s\n", ending.c_str());
  std::fprintf(stderr, "loaded in %s s; %s\n", fixed(model.info().load_seconds, 2).c_str(),
               rates_text(generation).c_str());
  if (generation.reason == StopReason::callback) throw Interrupted();
}

void Run::describe(const Model& model, const Session& session) const {
  const ModelInfo& info = model.info();
  std::fprintf(stderr, "%s: %s, %s parameters, %s; %s%s, %d threads, context %lld, %s\n",
               info.path.c_str(), info.architecture.c_str(), count_text(info.parameters).c_str(),
               bytes_text(info.file_bytes).c_str(), info.isa.c_str(), info.exact ? " exact" : "",
               session.threads(), static_cast<long long>(session.context()),
               bytes_text(info.weight_bytes + session.memory_bytes()).c_str());
}

}  // namespace

std::unique_ptr<Verb> make_run() {
  return std::make_unique<Run>();
}

}  // namespace heed
