// heed::convert: the options, checked, and the work of engine/convert.
#include "engine/convert/convert.h"
#include "engine/core/thread_team.h"
#include "heed.hpp"

namespace heed {

void convert(const std::filesystem::path& source, const std::filesystem::path& out,
             const ConvertOptions& options) {
  const TypeMix& mix = find_type_mix(options.type);
  ThreadTeam team(options.threads ? options.threads : default_threads());
  convert_source(Source::open(source), out, mix, team, options.progress);
}

}  // namespace heed
