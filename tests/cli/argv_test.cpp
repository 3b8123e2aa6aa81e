// SPDX-License-Identifier: MIT
// The command line of every kind of machine, as a QEMU that runs it was given it.
#include <algorithm>
#include <fstream>
#include <regex>

#include <vmfleet/base/text.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

void write(const std::filesystem::path& file, const std::string& content) {
  std::ofstream(file) << content;
}

/// What the fleet files speak of.
void make_files(const std::filesystem::path& folder) {
  std::filesystem::copy_file(testkit::guest_path("marker"), folder / "kernel");
  std::filesystem::copy_file(testkit::guest_path("marker", "aarch64"), folder / "kernel.aarch64");
  write(folder / "initrd", std::string(512, '\0'));
  write(folder / "disk.img", std::string(1 << 20, 'd'));
  write(folder / "own.img", std::string(1 << 20, 'o'));
  write(folder / "secret", "s3cret");
  std::filesystem::create_directory(folder / "share");
}

/// What differs from run to run stands as a name.
std::string without_places(std::string text, const std::filesystem::path& folder) {
  text = replace_all(text, folder.string(), "FOLDER");
  text = std::regex_replace(text, std::regex("/[^ ]*/qemu-system-"), "qemu-system-");
  text = std::regex_replace(text, std::regex("tsc_early_khz=[0-9]+"), "tsc_early_khz=RATE");
  text = std::regex_replace(text, std::regex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID");
  return std::regex_replace(text, std::regex("23[0-9](\\.[0-9]+){3}:[0-9]+"), "GROUP");
}

/// Starts every machine of a fleet file, and returns their command lines.
std::string command_lines(const test::Vmfleet& world, const std::filesystem::path& file) {
  const auto up = world.document({"up", "-f", file.string()});
  const std::string fleet(up.text("fleet"));
  std::string lines;
  for (const json::Value& machine : *up["machines"].as_array()) {
    const std::string name(machine.text("name"));
    lines += (lines.empty() ? "" : "\n") + name + "\n";
    const json::Value argv = world.document({"cmdline", "-p", fleet, name});
    for (const json::Value& word : *argv["argv"].as_array()) {
      const bool option = word.as_string()->rfind('-', 0) == 0;
      lines += (option ? "\n  " : " ") + *word.as_string();
    }
    lines += "\n";
  }
  CHECK(world.run({"kill", "-p", fleet}).code == 0);
  CHECK(world.run({"down", "-p", fleet}).code == 0);
  return without_places(std::move(lines), world.folder());
}

}  // namespace

TEST_CASE("every kind of machine starts with the command line that is written down") {
  const test::Vmfleet world;
  make_files(world.folder());
  const std::filesystem::path golden = test::golden_folder() / "argv";
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    if (entry.path().extension() != ".toml") continue;
    INFO(entry.path().string());
    const auto file = world.folder() / entry.path().filename();
    std::filesystem::copy_file(entry.path(), file);
    const std::string name = "argv/" + entry.path().stem().string() + ".txt";
    test::compare_with_golden(name, command_lines(world, file));
    ++seen;
  }
  CHECK(seen >= 8);
}
