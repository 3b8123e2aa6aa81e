// SPDX-License-Identifier: MIT
// Help and usage errors, compared with transcripts.
#include <sstream>

#include <CLI/CLI.hpp>

#include <vmfleet/base/text.hpp>

#include "cli/program.hpp"
#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Vmfleet;

namespace {

void collect_help_lines(const CLI::App& app, const std::string& path,
                        std::vector<std::string>& lines) {
  lines.push_back(path + " --help");
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    collect_help_lines(*below, path + " " + below->get_name(), lines);
  }
}

/// What a person would see who types these lines.
std::string transcript(const Vmfleet& world, const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) {
    const auto ran = world.shell(line);
    text += "$ " + line + "\n" + replace_all(ran.out, world.folder().string(), "/here");
    if (ran.code != 0) text += "[exit " + std::to_string(ran.code) + "]\n";
    text += "\n";
  }
  return text;
}

std::vector<std::string> lines_of(const std::string& golden) {
  std::vector<std::string> lines;
  std::istringstream text(golden);
  for (std::string line; std::getline(text, line);) {
    if (line.rfind("$ ", 0) == 0) lines.push_back(line.substr(2));
  }
  return lines;
}

}  // namespace

TEST_CASE("every command explains itself") {
  const Vmfleet world;
  const cli::Program program;
  std::vector<std::string> lines;
  collect_help_lines(program.root(), "vmfleet", lines);
  test::compare_with_golden("help.txt", transcript(world, lines));
}

TEST_CASE("wrong usage is explained, with exit code 2 and nothing done") {
  const Vmfleet world;
  const auto lines = lines_of(test::read_golden("errors.txt"));
  REQUIRE(lines.size() > 10);
  test::compare_with_golden("errors.txt", transcript(world, lines));
  CHECK_FALSE(std::filesystem::exists(world.state()));
}

TEST_CASE("a command that is missing is answered with help and exit code 2") {
  const Vmfleet world;
  for (const test::Words& words : {test::Words{}, {"image"}}) {
    const auto ran = world.run(words);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    auto asked = words;
    asked.emplace_back("--help");
    CHECK(ran.err == world.run(asked).out);
  }
}

TEST_CASE("options of every command may stand before or after its name") {
  const Vmfleet world;
  const auto before = world.run({"--json", "-p", "demo", "ps"});
  const auto after = world.run({"ps", "--json", "-p", "demo"});
  CHECK(before.out == after.out);
  CHECK_THAT(after.out, ContainsSubstring("\"demo\""));
}

TEST_CASE("a refused command line is a JSON document when JSON was asked for") {
  const Vmfleet world;
  const auto document = world.document({"up", "-n", "zero"}, 2);
  CHECK(document.text("schema") == "vmfleet.error/1");
  CHECK(document["error"].text("kind") == "invalid_config");
  CHECK_THAT(std::string(document["error"].text("message")), ContainsSubstring("zero"));
  CHECK_FALSE(document["error"].text("hint").empty());
}

TEST_CASE("the completion script is one that bash can read, and knows the commands") {
  const Vmfleet world;
  const auto ran = world.shell(
      "vmfleet completion bash >script && bash -c '. ./script; COMP_WORDS=(vmfleet pau); "
      "COMP_CWORD=1; _vmfleet; echo ${COMPREPLY[@]}; COMP_WORDS=(vmfleet up --max); COMP_CWORD=2; "
      "_vmfleet; echo ${COMPREPLY[@]}'");
  CHECK(ran.out == "pause\n--max-boot\n");
}

TEST_CASE("the version is that of the build") {
  const Vmfleet world;
  CHECK(world.run({"version"}).out == world.run({"--version"}).out);
  const auto document = world.document({"version"});
  CHECK("vmfleet " + std::string(document.text("version")) + "\n" == world.run({"version"}).out);
}
