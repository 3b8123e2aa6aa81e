// SPDX-License-Identifier: MIT
// Running a tool.
#include "machine/tool.hpp"

#include <map>

#include <fmt/format.h>

#include <io/needed_program.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/injected_files.hpp>

namespace vmfleet {

namespace {

using Words = std::map<std::string, std::string, std::less<>>;

Words words_of(const MachineConfig& config, std::size_t index, const InstanceDirectory& directory,
               const ToolTargets& targets) {
  Words words{{"kernel", targets.kernel.string()},
              {"initrd", targets.initrd.string()},
              {"source", injected_path(config, index, directory.path()).string()},
              {"path", config.injections[index].path},
              {"name", config.name},
              {"fleet", config.fleet},
              {"dir", directory.path().string()}};
  for (const std::string& word : config.injections[index].command) {
    for (const std::string& placeholder : tool_placeholders(word)) {
      if (placeholder.rfind("disk:", 0) == 0) words[placeholder] = targets.disk.string();
    }
  }
  return words;
}

/// In one pass: what is put in is not looked at again.
std::string fill_in(std::string_view text, const Words& words) {
  std::string filled;
  while (!text.empty()) {
    const bool variable = !filled.empty() && filled.back() == '$';  // of a shell
    const auto close = text[0] == '{' && !variable ? text.find('}') : std::string_view::npos;
    const auto word =
        close == std::string_view::npos ? words.end() : words.find(text.substr(1, close - 1));
    if (word != words.end()) {
      filled += word->second;
      text.remove_prefix(close + 1);
    } else {
      filled += text[0];
      text.remove_prefix(1);
    }
  }
  return filled;
}

}  // namespace

Task<void> run_tool(const MachineConfig& config, std::size_t index,
                    const InstanceDirectory& directory, ToolTargets targets) {
  const Injection& tool = config.injections[index];
  const Words words = words_of(config, index, directory, targets);
  std::vector<std::string> argv;
  for (const std::string& word : tool.command) argv.push_back(fill_in(word, words));
  ProcessOptions options(std::move(argv));
  options.directory = tool.directory;
  options.new_session = true;  // a tool that is late ends with all that it has started
  const std::string name = fmt::format("the tool {}", sanitize(tool.command[0]));
  NeededProgram program(
      std::move(options), name,
      Error(ErrorKind::host_unfit, name + " cannot be run").hint("install it, or give its path"));
  program.limit = tool.timeout;
  program.late_hint = "give its injection a longer timeout, or end it sooner";
  co_await run_needed(std::move(program));
}

}  // namespace vmfleet
