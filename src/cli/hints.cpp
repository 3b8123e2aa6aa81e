// SPDX-License-Identifier: MIT
// Rooms below know neither options nor commands: what they advise is completed here.
#include "cli/hints.hpp"

namespace vmfleet::cli {

std::string with_options(std::string_view text, const std::string& options,
                         const std::set<std::string>& commands) {
  constexpr std::string_view kProgram = "vmfleet ";
  constexpr std::string_view kHelp = " --help";
  std::string result;
  for (auto at = text.find(kProgram); at != std::string_view::npos; at = text.find(kProgram)) {
    at += kProgram.size();
    result += text.substr(0, at);
    text.remove_prefix(at);
    const std::string_view command =
        text.substr(0, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"));
    const bool asks_for_help = text.substr(command.size(), kHelp.size()) == kHelp;
    if (commands.count(std::string(command)) > 0 && !asks_for_help) result += options + " ";
  }
  return result.append(text);
}

}  // namespace vmfleet::cli
