// heed convert: what it writes runs, and what it cannot write leaves all as it was.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

const std::string kSource = HEED_TEST_DIR "/convert/goldens/tiny-bert";

TEST_CASE("convert makes a file that embeds") {
  const TemporaryDirectory directory;
  const std::string out = directory / "tiny.gguf";
  for (const std::string type : {"f32", "f16", "q8_0"}) {
    CAPTURE(type);
    const CommandResult result = run_heed({"convert", kSource, "-o", out, "--type", type});
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
    CHECK(result.out == "");
    CHECK(result.err.starts_with(out + ": bert, "));
    CHECK(run_heed({"embed", out, "the dog"}).exit_code == 0);
    CHECK(directory.entries() == 1);
  }
}

TEST_CASE("convert: an old file stays when the new one fails") {
  const TemporaryDirectory directory;
  const std::string out = directory / "old.gguf";
  write_text(out, "precious");
  const std::string missing = directory / "nothing";
  const CommandResult result = run_heed({"convert", missing, "-o", out});
  CHECK(result.exit_code == 1);
  CHECK(is_one_error_line(result.err));
  CHECK(result.err.find(missing) != result.err.npos);
  CHECK(read_text(out) == "precious");
  CHECK(directory.entries() == 1);

  const CommandResult limited =
      run_heed({"convert", kSource, "-o", out}, {.file_size_limit = 5000});
  CHECK(limited.exit_code == 1);
  CHECK(limited.err == "heed: cannot write '" + out + "': File too large\n");
  CHECK(read_text(out) == "precious");
  CHECK(directory.entries() == 1);

  const CommandResult full = run_heed({"convert", kSource, "-o", "/dev/full"});
  CHECK(full.exit_code == 1);
  CHECK(is_one_error_line(full.err));
  CHECK(full.err.find("No space left") != full.err.npos);
}

}  // namespace
}  // namespace heed
