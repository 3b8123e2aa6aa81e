// SPDX-License-Identifier: MIT
// What was not finished, by its name and its age.
#include <string>
#include <string_view>

#include "fleet/garbage_bin.hpp"

namespace vmfleet {

namespace {

template <class IsTemporary>
void take_old(const std::filesystem::path& folder, GarbageBin& bin, IsTemporary is_temporary) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (!is_temporary(entry.path().filename().string()) || !is_abandoned(entry)) continue;
    bin.take_path(GarbageKind::temporary, entry, "it was not finished");
  }
}

}  // namespace

bool has_six_letters_after(std::string_view name, char dot) {
  constexpr std::size_t kLetters = 6;
  if (name.size() <= kLetters + 1 || name[name.size() - kLetters - 1] != dot) return false;
  return name.substr(name.size() - kLetters).find_first_of(".-") == std::string_view::npos;
}

void collect_temporaries(const GarbageOptions& options, GarbageBin& bin) {
  const auto begins = [](std::string_view prefix) {
    return [prefix](const std::string& name) {
      return name.rfind(prefix, 0) == 0 && name.size() == prefix.size() + 6;
    };
  };
  take_old(options.state_root, bin, begins(".ssh-"));
  if (const auto folder = temporary_folder()) take_old(*folder, bin, begins("vmfleet-kvm-"));
  const auto staged = [](const std::string& name) {
    return name.find(".json.") != std::string::npos ||
           (name[0] == '.' && has_six_letters_after(name, '.'));
  };
  take_old(options.cache_root, bin, staged);
  take_old(options.cache_root / "kernels", bin, staged);
}

}  // namespace vmfleet
