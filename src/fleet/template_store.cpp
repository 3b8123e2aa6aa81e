// SPDX-License-Identifier: MIT
// One lock for each template: shared by those who start machines from it, exclusive for who makes
// or removes it.
#include <vmfleet/fleet/template_store.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include <image/staged_file.hpp>
#include <io/file_lock.hpp>
#include <io/temporary_folder.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

namespace {

constexpr Milliseconds kTemplateRetry(50);

bool is_template_key(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

UniqueFd open_template_lock(const std::filesystem::path& path) {
  return files::open(path, O_RDWR | O_CREAT | O_NOFOLLOW);
}

void make_private_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (error) throw errno_error("make " + folder.parent_path().string(), error.value());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw errno_error("make " + folder.string(), errno);
  }
}

void give_name(const std::filesystem::path& made, const std::filesystem::path& name) {
  if (::rename(made.c_str(), name.c_str()) == 0) return;
  throw errno_error("make " + name.string(), errno);
}

/// Under a lock: of two that look, one shall get it.
std::optional<MachineTemplate> find_under(std::shared_ptr<UniqueFd> lock,
                                          const std::filesystem::path& lock_path,
                                          const std::filesystem::path& folder) {
  if (!try_lock(lock->get(), LOCK_SH, lock_path)) return std::nullopt;
  auto found = read_template(folder);
  if (found) {
    ::utimensat(AT_FDCWD, folder.c_str(), nullptr, 0);  // a full disk does not matter
    found->in_use = std::move(lock);
  } else {
    try_lock(lock->get(), LOCK_UN, lock_path);
  }
  return found;
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

std::vector<std::string> TemplateStore::keys() const {
  std::vector<std::string> keys;
  std::error_code gone;
  std::filesystem::directory_iterator entry(directory_, gone);
  for (; !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
    std::string name = entry->path().filename().string();
    if (is_template_key(name)) keys.push_back(std::move(name));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::vector<MachineTemplate> TemplateStore::list() const {
  std::vector<MachineTemplate> templates;
  for (const auto& key : keys()) {
    if (auto found = read_template(folder_of(key))) templates.push_back(std::move(*found));
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

/// Also one that is damaged.
void TemplateStore::require_there(const std::string& key) const {
  std::error_code gone;
  if (is_template_key(key) && std::filesystem::is_directory(folder_of(key), gone)) return;
  throw Error(ErrorKind::not_found, fmt::format("there is no template '{}'", sanitize(key)))
      .hint("`vmfleet template ls` shows all");
}

void TemplateStore::remove(const std::string& key) const {
  require_there(key);
  const UniqueFd lock = open_template_lock(lock_of(key));
  const bool is_free = try_lock(lock.get(), LOCK_EX, lock_of(key));
  require_there(key);  // another command may have removed it meanwhile
  if (!is_free) {
    throw Error(ErrorKind::conflict, fmt::format("machines are started from {} just now", key))
        .hint("wait until they are up");
  }
  remove_abandoned(directory_, key + ".");
  remove_at_once(folder_of(key), directory_ / (key + "."));
}

std::optional<MachineTemplate> TemplateStore::find(const std::string& key) const {
  make_private_folder(directory_);
  auto lock = std::make_shared<UniqueFd>(open_template_lock(lock_of(key)));
  return find_under(std::move(lock), lock_of(key), folder_of(key));
}

Task<MachineTemplate> TemplateStore::find_or_make(
    std::string key, MachineConfig config, Readiness readiness,
    std::function<void(std::string_view)> told, std::function<std::string()> key_now,
    std::optional<std::vector<std::string>> identical) const {
  make_private_folder(directory_);
  auto lock = std::make_shared<UniqueFd>(open_template_lock(lock_of(key)));
  bool waits = false;
  for (;;) {
    if (auto found = find_under(lock, lock_of(key), folder_of(key))) co_return std::move(*found);
    if (try_lock(lock->get(), LOCK_EX, lock_of(key)) && !read_template(folder_of(key))) {
      remove_abandoned(directory_, key + ".");
      const TemporaryFolder work(directory_ / (key + "."));
      co_await make_template(config, readiness, key, work.path() / "template", told, identical);
      const auto finish = [&] {
        if (key_now() != key) {
          throw Error(ErrorKind::unavailable, "what it is made of changed while it booted");
        }
        // One that is damaged is in the way.
        ::rename(folder_of(key).c_str(), (work.path() / "damaged").c_str());
        give_name(work.path() / "template", folder_of(key));
        image::sync_directory(directory_);
      };
      co_await offload(finish);
      continue;
    }
    if (!std::exchange(waits, true)) told("waiting until another command has made it");
    co_await sleep_for(kTemplateRetry);
  }
}

}  // namespace vmfleet
