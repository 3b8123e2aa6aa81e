// SPDX-License-Identifier: MIT
// What a kernel is told: defaults, what the devices need, the user's own words.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/command_line.hpp>

namespace vmfleet {
namespace {

std::string_view key_of(std::string_view word) noexcept {
  return word.substr(0, word.find('='));
}

/// Output on the log, no escape codes in it, and an end instead of a dead machine.
std::vector<std::string> default_words(const MachineConfig& config) {
  std::vector<std::string> words{
      config.arch == Arch::x86_64 ? "console=ttyS0" : "console=ttyAMA0",
      // Whoever wants to look at it has it stopped; else it reboots, which is seen.
      config.on_panic == OnPanic::pause ? "panic=0" : "panic=-1", "TERM=dumb"};
  if (config.tsc_khz) words.push_back(fmt::format("tsc_early_khz={}", *config.tsc_khz));
  return words;
}

void add_root(std::vector<std::string>& words, const Share& share) {
  words.push_back("root=" + share.tag);
  words.emplace_back("rootfstype=9p");
  words.emplace_back("rootflags=trans=virtio,version=9p2000.L");
  words.emplace_back(share.writable ? "rw" : "ro");
}

/// One element may hold several words.
bool has_key(const std::vector<std::string>& elements, std::string_view key) {
  return std::any_of(elements.begin(), elements.end(), [&](const std::string& element) {
    const auto words = split(element, ' ');
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return key_of(word) == key; });
  });
}

}  // namespace

std::vector<std::string> kernel_arguments(const MachineConfig& config) {
  std::vector<std::string> words;
  for (std::string& word : default_words(config)) {
    if (config.append_defaults && !has_key(config.append, key_of(word))) {
      words.push_back(std::move(word));
    }
  }
  for (const Share& share : config.shares) {
    if (share.root && share.type == ShareType::p9) add_root(words, share);
  }
  for (const DeviceParts& device : config.devices) {
    words.insert(words.end(), device.kernel_arguments.begin(), device.kernel_arguments.end());
  }
  // Last: the kernel believes the last of two, and what follows `--` is for init.
  words.insert(words.end(), config.append.begin(), config.append.end());
  return words;
}

}  // namespace vmfleet
