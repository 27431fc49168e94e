// heed::convert: the options, checked, and the work of engine/convert.
#include "engine/convert/convert.h"
#include "engine/convert/join.h"
#include "engine/core/error.h"
#include "engine/core/thread_team.h"
#include "engine/quant/quant.h"
#include "heed.hpp"

namespace heed {
namespace {

/// A type that Heed can write, by its name.
DType writable_type(const std::string& name) {
  std::vector<std::string> known;
  for (const RowCodec& codec : row_codecs()) {
    if (dtype_from_name(name) == codec.type) return codec.type;
    known.emplace_back(info(codec.type).name);
  }
  fail(Error::Code::argument, "type '", name, "' is not one that Heed writes; it writes ",
       join(known, ", "));
}

}  // namespace

void convert(const std::filesystem::path& source, const std::filesystem::path& out,
             const ConvertOptions& options) {
  const DType type = writable_type(options.type);
  ThreadTeam team(options.threads ? options.threads : default_threads());
  convert_source(Source::open(source), out, type, team, options.progress);
}

}  // namespace heed
