// SPDX-License-Identifier: MIT
// What nobody uses of the cache, and what is remembered there for nothing.
#include <fcntl.h>
#include <sys/file.h>

#include <string_view>

#include <image/image_build.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/fleet/template_store.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/files.hpp>

#include "fleet/garbage_bin.hpp"

namespace vmfleet {

namespace {

constexpr std::chrono::hours kUnused(30 * 24);

/// Why nobody starts machines from it any more; nullopt when somebody may.
std::optional<std::string> why_unused(const MachineTemplate& one) {
  std::error_code ignored;
  for (const std::string& path : one.needs) {
    if (!std::filesystem::exists(path, ignored)) return path + " is gone";
  }
  if (is_abandoned(one.directory, kUnused)) return "no machine was started from it for 30 days";
  return std::nullopt;
}

void collect_templates(const TemplateStore& store, GarbageBin& bin) {
  for (const MachineTemplate& one : store.list()) {
    const auto why = why_unused(one);
    if (!why || store.is_in_use(one.key)) continue;
    Garbage garbage(GarbageKind::cache, one.directory, *why);
    garbage.size = one.size;
    const auto remove = [&] { store.remove(one.key); };
    bin.take(std::move(garbage), remove);
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(store.directory(), ignored)) {
    const std::string name = entry.path().filename().string();
    const bool has_name = name.find_first_not_of("0123456789abcdef") == std::string::npos;
    const bool is_damaged = has_name && !read_template(entry.path());
    const bool is_unfinished = name[0] != '.' && has_six_letters_after(name, '.');
    if (!is_damaged && !is_unfinished) continue;
    if (store.is_in_use(name.substr(0, name.find('.')))) continue;  // it is being made, or removed
    bin.take_path(GarbageKind::temporary, entry,
                  is_damaged ? "it is damaged" : "it was not finished");
  }
}

/// The path of "PATH:SIZE:MTIME".
std::string path_in(std::string_view identity) {
  for (int i = 0; i < 2; ++i) {
    identity = identity.substr(0, std::min(identity.rfind(':'), identity.size()));
  }
  return std::string(identity);
}

std::optional<json::Value> read_json(const std::filesystem::path& file) {
  try {
    auto value = json::parse(files::read(file));
    if (value) return std::move(value).value();
  } catch (const Error&) {
    // Nothing is remembered there.
  }
  return std::nullopt;
}

void collect_kvm_probe(const std::filesystem::path& file, GarbageBin& bin) {
  const auto record = read_json(file);
  if (!record) return;
  std::error_code ignored;
  if (record->text("boot_id") != host_boot_id()) {
    bin.take_path(GarbageKind::cache, file, "it is from before the restart of this host");
  } else if (!std::filesystem::exists(path_in(record->text("qemu")), ignored)) {
    bin.take_path(GarbageKind::cache, file, "its QEMU is gone");
  }
}

void collect_qemu_probes(const std::filesystem::path& file, GarbageBin& bin) {
  const auto document = read_json(file);
  const json::Object* binaries = document ? (*document)["binaries"].as_object() : nullptr;
  if (binaries == nullptr) return;
  json::Object there;
  std::vector<std::string> gone;
  std::error_code ignored;
  for (const auto& [path, facts] : *binaries) {
    if (std::filesystem::exists(path, ignored)) {
      there.set(path, facts);
    } else {
      gone.push_back(path);
    }
  }
  if (gone.empty()) return;
  json::Object changed = *document->as_object();
  changed.set("binaries", std::move(there));
  const std::string text = json::write(changed, 2) + "\n";
  Garbage garbage(GarbageKind::cache, file, "gone: " + join(gone, ", "));
  const std::uint64_t before = std::filesystem::file_size(file, ignored);
  garbage.size = Bytes(before > text.size() ? before - text.size() : 1);
  const auto remove = [&] { files::write_atomically(file, text); };
  bin.take(std::move(garbage), remove);
}

}  // namespace

/// A use makes a kernel new (see `unpacked_kernel`), and a QEMU that runs has read its own.
void collect_kernels(const std::filesystem::path& kernels, GarbageBin& bin) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kernels, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool ours =
        name.size() == 16 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!ours || !is_abandoned(entry, kUnused)) continue;
    bin.take_path(GarbageKind::cache, entry, "no machine was started with it for 30 days");
  }
}

/// The lock is the builder's.
void collect_builds(const std::filesystem::path& images, GarbageBin& bin) {
  for (const std::string arch : {"x86_64", "aarch64"}) {
    const auto lock_file = image::build_lock(images, "tiny", arch);
    const UniqueFd lock(::open(lock_file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    const std::string prefix = image::unfinished_prefix(arch);
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(images, ignored)) {
      if (entry.path().filename().string().rfind(prefix, 0) != 0) continue;
      bin.take_path(GarbageKind::temporary, entry, "it was not finished");
    }
  }
}

void collect_cache(const std::filesystem::path& cache_root, GarbageBin& bin) {
  collect_kernels(cache_root / "kernels", bin);
  collect_templates(TemplateStore(cache_root), bin);
  collect_builds(cache_root / "images", bin);
  collect_kvm_probe(cache_root / "kvm-probe.json", bin);
  collect_qemu_probes(cache_root / "qemu-probe.json", bin);
}

}  // namespace vmfleet
