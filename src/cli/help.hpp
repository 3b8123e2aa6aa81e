// SPDX-License-Identifier: MIT
// The text of --help, made from the argument tree.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace vmfleet::cli {

/// "vmfleet template rm".
std::string path_of(const CLI::App& app);

/// Ours rather than the library's own, which differs from version to version.
std::string format_help(const CLI::App& app);

}  // namespace vmfleet::cli
