// SPDX-License-Identifier: MIT
// One lock for each template: shared by those who start machines from it, exclusive for who makes
// or removes it.
#include <vmfleet/fleet/template_store.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include <io/file_lock.hpp>
#include <io/temporary_folder.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

namespace {

constexpr Milliseconds kTemplateRetry(50);

UniqueFd open_template_lock(const std::filesystem::path& path) {
  return files::open(path, O_RDWR | O_CREAT | O_NOFOLLOW);
}

void make_private_folder(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw errno_error("make " + folder.string(), errno);
  }
}

void give_name(const std::filesystem::path& made, const std::filesystem::path& name) {
  if (::rename(made.c_str(), name.c_str()) == 0) return;
  throw errno_error("make " + name.string(), errno);
}

}  // namespace

TemplateStore::TemplateStore(const std::filesystem::path& cache_root)
    : directory_(cache_root / "templates") {}

std::filesystem::path TemplateStore::folder_of(const std::string& key) const {
  return directory_ / key;
}

std::filesystem::path TemplateStore::lock_of(const std::string& key) const {
  return directory_ / (".lock-" + key);
}

std::vector<MachineTemplate> TemplateStore::list() const {
  std::vector<MachineTemplate> templates;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, none)) {
    if (entry.path().filename().string().find('.') != std::string::npos) continue;
    if (auto found = read_template(entry.path())) templates.push_back(std::move(*found));
  }
  const auto is_older = [](const MachineTemplate& one, const MachineTemplate& other) {
    return std::tie(one.created, one.key) < std::tie(other.created, other.key);
  };
  std::sort(templates.begin(), templates.end(), is_older);
  return templates;
}

bool TemplateStore::is_in_use(const std::string& key) const {
  const auto path = lock_of(key);
  const UniqueFd lock(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return lock && !try_lock(lock.get(), LOCK_EX, path);
}

void TemplateStore::remove(const std::string& key) const {
  const bool plain = key.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (key.empty() || !plain || !read_template(folder_of(key))) {
    throw Error(ErrorKind::not_found, fmt::format("there is no template '{}'", sanitize(key)))
        .hint("`vmfleet template ls` shows all");
  }
  const UniqueFd lock = open_template_lock(lock_of(key));
  if (!try_lock(lock.get(), LOCK_EX, lock_of(key))) {
    throw Error(ErrorKind::conflict, fmt::format("machines are started from {} just now", key))
        .hint("wait until they are up");
  }
  remove_abandoned(directory_, key + ".");
  const TemporaryFolder grave(directory_ / (key + "."));
  give_name(folder_of(key), grave.path() / "template");
}

Task<MachineTemplate> TemplateStore::find_or_make(
    std::string key, MachineConfig config, Readiness readiness,
    std::function<void(std::string_view)> told,
    std::optional<std::vector<std::string>> identical) const {
  make_private_folder(directory_);
  auto lock = std::make_shared<UniqueFd>(open_template_lock(lock_of(key)));
  const auto locked = [&](int how) { return try_lock(lock->get(), how, lock_of(key)); };
  const auto find = [&]() -> std::optional<MachineTemplate> {
    if (!locked(LOCK_SH)) return std::nullopt;
    auto found = read_template(folder_of(key));
    if (found) {
      found->in_use = lock;
      ::utimensat(AT_FDCWD, folder_of(key).c_str(), nullptr, 0);  // a full disk does not matter
    }
    if (!found) locked(LOCK_UN);  // of two that look, one shall get it
    return found;
  };
  bool waits = false;
  for (;;) {
    if (auto found = find()) co_return std::move(*found);
    if (locked(LOCK_EX) && !read_template(folder_of(key))) {
      remove_abandoned(directory_, key + ".");
      const TemporaryFolder work(directory_ / (key + "."));
      co_await make_template(config, readiness, key, work.path() / "template", told, identical);
      give_name(work.path() / "template", folder_of(key));
      continue;
    }
    if (!std::exchange(waits, true)) told("waiting until another command has made it");
    co_await sleep_for(kTemplateRetry);
  }
}

}  // namespace vmfleet
