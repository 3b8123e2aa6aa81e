// SPDX-License-Identifier: MIT
// image rm, image prune: what goes, what is refused, and how it is told.
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::Vmfleet;

namespace {

/// A world with images of the guest `marker` in its cache.
struct Cache : Vmfleet {
  std::filesystem::path add(const std::string& year) const {
    const auto image = images() / ("tiny-x86_64-" + year);
    std::filesystem::create_directories(image);
    const auto kernel = testkit::guest_path("marker");
    std::filesystem::copy_file(kernel, image / "vmlinux");
    std::ofstream(image / "initrd") << "initrd";
    std::ofstream(image / "image.json")
        << R"({"schema": "vmfleet.image/1", "name": "tiny", "arch": "x86_64", "created": ")" << year
        << R"(-01-01T00:00:00Z", "initrd_size": 6, "kernel_size": )"
        << std::filesystem::file_size(kernel) << "}";
    return image;
  }
  [[nodiscard]] std::filesystem::path images() const { return folder() / "cache/vmfleet/images"; }
};

test::Words up_from(const std::filesystem::path& image) {
  test::Words words = test::up_with("marker");
  words[2] = (image / "vmlinux").string();
  return words;
}

}  // namespace

TEST_CASE("image rm removes an image, and says what that has freed") {
  const Cache cache;
  const auto image = cache.add("2026");
  const Ran rm = cache.run({"image", "rm", "tiny"});
  CHECK(rm.code == 0);
  CHECK_THAT(rm.out, ContainsSubstring("removed image " + image.string()));
  CHECK_THAT(rm.err, ContainsSubstring("freed"));
  CHECK_FALSE(std::filesystem::exists(image));
  cache.add("2025");
  const auto document = cache.document({"image", "rm", "tiny", "--arch", "x64"});
  CHECK(document.text("schema") == "vmfleet.image-rm/1");
  CHECK(document["removed"].as_array()->size() == 1);
  CHECK(document.integer("bytes", 0) > 0);
}

TEST_CASE("image rm of what is not there ends with 4") {
  const Cache cache;
  cache.add("2026");
  const Ran rm = cache.run({"image", "rm", "tinny"});
  CHECK(rm.code == 4);
  CHECK_THAT(rm.err, ContainsSubstring("did you mean 'tiny'?"));
  CHECK(cache.run({"image", "rm", "tiny", "--arch", "aarch64"}).code == 4);
  CHECK(cache.run({"image", "rm", "tiny", "--arch", "sparc"}).code == 2);
  CHECK(cache.run({"image", "rm"}).code == 2);
}

TEST_CASE("image rm refuses an image that a machine uses, with the commands that change that") {
  const Cache cache;
  const auto image = cache.add("2026");
  REQUIRE(cache.run(up_from(image)).code == 0);
  const Ran running = cache.run({"image", "rm", "tiny", "--force"});
  CHECK(running.code == 5);
  CHECK_THAT(running.err, ContainsSubstring("vm-0 of fleet default, which runs"));
  const std::string root = cache.state().string();
  const Ran asked = cache.run({"--state-dir", root, "image", "rm", "tiny"});
  CHECK_THAT(asked.err,
             ContainsSubstring("`vmfleet --state-dir " + root + " down -p default vm-0`"));
  REQUIRE(cache.run({"stop", "--grace", "0ms"}).code == 0);
  const auto refused = cache.document({"image", "rm", "tiny"}, 5);
  CHECK((*refused["kept"].as_array())[0]["error"].text("kind") == "conflict");
  REQUIRE(std::filesystem::exists(image));
  cache.add("2025");
  CHECK(cache.run({"image", "rm", "tiny"}).code == 3);
  CHECK(cache.run({"image", "rm", "tiny", "--force"}).code == 0);
  CHECK_FALSE(std::filesystem::exists(image));
}

TEST_CASE("image prune removes old images, and tells what it keeps and why") {
  const Cache cache;
  const auto used = cache.add("2024");
  const auto old = cache.add("2025");
  const auto newest = cache.add("2026");
  REQUIRE(cache.run(up_from(used)).code == 0);
  const Ran seen = cache.run({"image", "prune", "--dry-run"});
  CHECK_THAT(seen.out, ContainsSubstring("would remove image " + old.string()));
  REQUIRE(std::filesystem::exists(old));
  const auto document = cache.document({"image", "prune"});
  CHECK(document.text("schema") == "vmfleet.image-prune/1");
  CHECK(document["removed"].as_array()->size() == 1);
  CHECK_FALSE(std::filesystem::exists(old));
  CHECK(std::filesystem::exists(newest));
  const Ran again = cache.run({"image", "prune"});
  CHECK(again.code == 0);
  CHECK_THAT(again.err, ContainsSubstring("kept image " + used.string()));
  CHECK_THAT(again.err, ContainsSubstring("nothing to remove"));
}
