// SPDX-License-Identifier: MIT
// The user's home directory.
#include <vmfleet/base/home_directory.hpp>

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace vmfleet {

std::optional<std::filesystem::path> home_directory() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return home;
  std::array<char, 16 * 1024> words;
  passwd entry{};
  passwd* found = nullptr;
  const int error = ::getpwuid_r(::getuid(), &entry, words.data(), words.size(), &found);
  if (error == 0 && found != nullptr && found->pw_dir[0] == '/') return found->pw_dir;
  return std::nullopt;
}

}  // namespace vmfleet
