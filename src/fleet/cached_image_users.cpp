// SPDX-License-Identifier: MIT
// Intents of machines and of their snapshots, and what templates need.
#include "fleet/cached_image_users.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/fleet/template_store.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/snapshot.hpp>
#include <vmfleet/qemu/validate.hpp>

namespace vmfleet {

namespace {

/// Words that are paths: QEMU's `-kernel` and `-initrd` are among them.
void add_files_of(const InstanceDirectory& directory, std::vector<std::filesystem::path>& files) {
  const auto intent = peek_intent(directory);
  if (!intent) return;
  for (const std::string& word : intent->argv) {
    if (!word.empty() && word[0] == '/') files.emplace_back(word);
  }
}

/// By the folder itself, whatever path leads to it.
bool is_in(const std::filesystem::path& file, const std::filesystem::path& folder) {
  std::error_code gone;
  return std::filesystem::equivalent(file.parent_path(), folder, gone);
}

bool is_unreadable(const Error& error) {
  return error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::conflict ||
         error.kind() == ErrorKind::not_found;
}

}  // namespace

std::string to_string(const CachedImageUser& user) {
  if (user.fleet.empty()) return "template " + user.name;
  return fmt::format("{} of fleet {}{}", user.name, user.fleet, user.lives ? ", which runs" : "");
}

std::string ways_to_remove(const std::vector<CachedImageUser>& users) {
  std::map<std::string, std::string> commands;
  for (const CachedImageUser& user : users) {
    std::string& command = commands[user.fleet];
    if (command.empty()) {
      command = user.fleet.empty() ? "vmfleet template rm" : "vmfleet down -p " + user.fleet;
    }
    command += " " + user.name;
  }
  std::vector<std::string> ways;
  for (const auto& [fleet, command] : commands) ways.push_back("`" + command + "`");
  return join(ways, ", ");
}

CachedImageUsers::CachedImageUsers(const GarbageOptions& options) {
  const auto root = std::filesystem::absolute(options.state_root).lexically_normal();
  for (const auto& name : list_fleets(root)) {
    if (!is_valid_name(name)) continue;
    for (const auto& machine : Fleet(root, name).select({})) {
      add_machine(name, root / name / machine);
    }
  }
  for (const MachineTemplate& one : TemplateStore(options.cache_root).list()) {
    Entry& entry = entries_.emplace_back();
    entry.user.name = one.key;
    entry.files.assign(one.needs.begin(), one.needs.end());
  }
}

void CachedImageUsers::add_machine(const std::string& fleet, const std::filesystem::path& path) {
  Entry entry;
  entry.user.name = path.filename().string();
  entry.user.fleet = fleet;
  try {
    const auto directory = InstanceDirectory::open(path);
    entry.user.lives = is_alive(directory) || OperationLock::held(directory);
    add_files_of(directory, entry.files);
    for (const Snapshot& snapshot : list_snapshots(path)) {
      add_files_of(InstanceDirectory::open(snapshot.directory), entry.files);
    }
  } catch (const Error& error) {
    if (!is_unreadable(error)) throw;
  }
  entries_.push_back(std::move(entry));
}

std::vector<CachedImageUser> CachedImageUsers::of(const Image& image) const {
  std::vector<CachedImageUser> users;
  for (const Entry& entry : entries_) {
    const bool uses = std::any_of(entry.files.begin(), entry.files.end(),
                                  [&](const auto& file) { return is_in(file, image.directory); });
    if (uses) users.push_back(entry.user);
  }
  return users;
}

}  // namespace vmfleet
