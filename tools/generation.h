// One answer, streamed to stdout, and what to say about it on stderr. Used by run and chat.
#pragma once

#include <span>
#include <string>

#include "heed.hpp"
#include "tools/output.h"

namespace heed {

/// Generates and shows text as it comes; Ctrl-C stops the answer (StopReason::callback).
Generation stream_answer(Session& session, std::span<const Token> prompt,
                         const GenerateOptions& options, Output& out);

/// The same, answering a conversation.
Generation stream_chat(Session& session, std::span<const Message> messages,
                       const GenerateOptions& options, Output& out);

/// "prompt 36 tokens, 2345.6 t/s; answer 24 tokens, 150.1 t/s".
std::string rates_text(const Generation& generation);

/// What the reader should know of how the answer ended; empty if it is complete.
std::string ending_text(const Generation& generation, const Session& session);

}  // namespace heed
