// SPDX-License-Identifier: MIT
// Looking through /proc.
#include "machine/process_names.hpp"

#include <dirent.h>
#include <unistd.h>

#include <charconv>
#include <climits>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/process.hpp>

namespace vmfleet {

namespace {

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

bool has_descriptor(pid_t pid,
                    const std::function<bool(const OpenDescriptor& descriptor)>& is_wanted) {
  const Folder folder(::opendir(fmt::format("/proc/{}/fd", pid).c_str()), &::closedir);
  if (!folder) return false;
  while (const dirent* entry = ::readdir(folder.get())) {
    OpenDescriptor descriptor;
    descriptor.pid = pid;
    descriptor.folder = ::dirfd(folder.get());
    descriptor.name = entry->d_name;
    if (is_wanted(descriptor)) return true;
  }
  return false;
}

}  // namespace

std::string name_process(pid_t pid) {
  std::vector<std::string> words;
  try {
    words = arguments_of(pid);
  } catch (const Error&) {
    // It has ended.
  }
  if (words.empty()) return fmt::format("process {}", pid);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "-pidfile") continue;
    // It is in the machine's directory, which bears the names of machine and fleet.
    const auto machine = std::filesystem::path(words[i + 1]).parent_path();
    return fmt::format("{} of fleet {} (process {})", sanitize(machine.filename().string()),
                       sanitize(machine.parent_path().filename().string()), pid);
  }
  return fmt::format("process {} ({})", pid, sanitize(words.front()));
}

std::string target_of(const OpenDescriptor& descriptor) {
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(descriptor.folder, descriptor.name, target, sizeof target);
  return size > 0 ? std::string(target, static_cast<std::size_t>(size)) : std::string();
}

std::vector<std::string> name_holders(
    const std::function<bool(const OpenDescriptor& descriptor)>& is_wanted) {
  std::vector<std::string> holders;
  const Folder processes(::opendir("/proc"), &::closedir);
  if (!processes) return holders;
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (has_descriptor(pid, is_wanted)) holders.push_back(name_process(pid));
  }
  return holders;
}

}  // namespace vmfleet
