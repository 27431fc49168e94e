#include "engine/core/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status = {};
  ::stat(path.c_str(), &status);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("the target changes at commit, all at once") {
  const TemporaryDirectory directory;
  const auto target = directory / "file";
  write_text(target, "old");
  AtomicFile file(target);
  file.write("small ");
  const std::string large(1'000'000, 'x');
  file.write(large);
  file.write(" end");
  CHECK(read_text(target) == "old");
  file.commit();
  CHECK(read_text(target) == "small " + large + " end");
  CHECK(directory.entries() == 1);
  CHECK_THROWS_WITH(file.write("more"), doctest::Contains("it is closed already"));
  CHECK_THROWS_WITH(file.commit(), doctest::Contains("it is closed already"));
}

TEST_CASE("without commit everything is as before") {
  const TemporaryDirectory directory;
  write_text(directory / "file", "old");
  for (const char* name : {"file", "new"}) {
    AtomicFile file(directory / name);
    file.write(std::string(1'000'000, 'x'));
    CHECK(directory.entries() == 2);
  }
  CHECK(read_text(directory / "file") == "old");
  CHECK(directory.entries() == 1);
}

TEST_CASE("a process that is killed leaves the old file") {
  const TemporaryDirectory directory;
  write_text(directory / "file", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(directory / "file");
    file.write(std::string(1'000'000, 'x'));
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  CHECK(read_text(directory / "file") == "old");
  CHECK(directory.entries() == 2);
  // What the dead process left goes with the next one; what others write, or call so, stays.
  AtomicFile other(directory / "file");
  CHECK(directory.entries() == 2);
  write_text(directory / "file.tmp-notes", "mine");
  AtomicFile file(directory / "file");
  CHECK(directory.entries() == 4);
  other.write("other");
  file.write("new");
  other.commit();
  file.commit();
  CHECK(read_text(directory / "file") == "new");
  CHECK(read_text(directory / "file.tmp-notes") == "mine");
  CHECK(directory.entries() == 2);
}

TEST_CASE("a disk that fills up is an error naming the target, which stays") {
  const TemporaryDirectory directory;
  const auto target = directory / "file";
  write_text(target, "old");
  {
    const FileSizeLimit limit(500'000);
    AtomicFile file(target);
    CHECK_THROWS_WITH(file.write(std::string(1'000'000, 'x')),
                      cat("cannot write '", target.string(), "': File too large").c_str());
    CHECK(directory.entries() == 1);
    CHECK_THROWS_AS(file.commit(), Error);

    AtomicFile late(target);  // the last bytes leave the buffer at commit
    late.write(std::string(450'000, 'x'));
    late.write(std::string(60'000, 'x'));
    CHECK_THROWS_AS(late.commit(), Error);
  }
  CHECK(read_text(target) == "old");
  CHECK(directory.entries() == 1);
}

TEST_CASE("devices are written directly and stay devices") {
  AtomicFile full("/dev/full");
  full.write("small");
  CHECK_THROWS_WITH(full.commit(), "cannot write '/dev/full': No space left on device");
  AtomicFile null("/dev/null");
  null.write("small");
  null.commit();
  CHECK(std::filesystem::is_character_file("/dev/null"));
  CHECK(std::filesystem::is_character_file("/dev/full"));
}

TEST_CASE("permissions and links of the target are kept") {
  const TemporaryDirectory directory;
  write_text(directory / "file", "old");
  ::chmod((directory / "file").c_str(), 0640);
  std::filesystem::create_symlink("file", directory / "link");
  AtomicFile file(directory / "link");
  file.write("new");
  file.commit();
  CHECK(std::filesystem::is_symlink(directory / "link"));
  CHECK(read_text(directory / "file") == "new");
  CHECK(mode_of(directory / "file") == 0640);

  const mode_t mask = ::umask(022);
  AtomicFile fresh(directory / "fresh");
  fresh.commit();
  CHECK(mode_of(directory / "fresh") == 0644);
  ::umask(mask);
}

TEST_CASE("a target that cannot be written is refused at once") {
  const TemporaryDirectory directory;
  const auto open = [](const std::filesystem::path& path) { AtomicFile file(path); };
  CHECK_THROWS_WITH(open(directory / "absent/file"),
                    doctest::Contains("absent/file': No such file or directory"));
  CHECK_THROWS_WITH(open(directory.path()), doctest::Contains("Is a directory"));
  std::filesystem::create_symlink("nothing", directory / "link");
  CHECK_THROWS_WITH(open(directory / "link"), doctest::Contains("link': it is a link to nothing"));
  CHECK(std::filesystem::is_symlink(directory / "link"));
  if (::geteuid() != 0) {  // root writes everything
    write_text(directory / "file", "old");
    ::chmod((directory / "file").c_str(), 0444);
    CHECK_THROWS_WITH(open(directory / "file"), doctest::Contains("Permission denied"));
    ::chmod(directory.path().c_str(), 0555);
    CHECK_THROWS_WITH(open(directory / "new"), doctest::Contains("Permission denied"));
    ::chmod(directory.path().c_str(), 0755);
  }
}

}  // namespace heed
