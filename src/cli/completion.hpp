// SPDX-License-Identifier: MIT
// A completion script for a shell, made from the argument tree.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace vmfleet::cli {

std::string bash_completion(const CLI::App& root);

}  // namespace vmfleet::cli
