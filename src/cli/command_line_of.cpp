// SPDX-License-Identifier: MIT
// Command lines from the records of machines.
#include "cli/command_line_of.hpp"

#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/qemu/command_line.hpp>

namespace vmfleet::cli {

std::vector<std::string> command_line_of(const std::filesystem::path& directory) {
  const auto folder = InstanceDirectory::open(directory);
  const auto intent = read_intent(folder);
  if (intent) return intent->argv;
  if (is_lost(folder, instance_file::kIntent)) throw lost_intent(folder);
  throw Error(ErrorKind::not_found, directory.filename().string() + " was never started");
}

std::string format_command_line(const std::vector<std::string>& argv) {
  CommandLine line;
  line.argv = argv;
  // A value that looks like an option only moves to a line of its own: the command is the same.
  for (std::size_t i = 1; i < argv.size(); ++i) {
    if (argv[i].size() > 1 && argv[i][0] == '-') line.option_indices.push_back(i);
  }
  return line.to_text();
}

}  // namespace vmfleet::cli
