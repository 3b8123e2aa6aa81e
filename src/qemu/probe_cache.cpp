// SPDX-License-Identifier: MIT
// ProbeCache: read whole, replaced whole by a rename.
#include "qemu/probe_cache.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <vmfleet/base/json.hpp>

namespace vmfleet::qemu {
namespace {

constexpr std::string_view kSchema = "vmfleet.qemu-cache/2";

/// "size:mtime in nanoseconds", or "" when there is no such file.
std::string stamp_of(const std::filesystem::path& binary) {
  struct stat info {};
  if (::stat(binary.c_str(), &info) != 0) return {};
  return fmt::format("{}:{}.{:09}", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

json::Object read_binaries(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  const Result<json::Value> document = json::parse(text.str());
  if (!document || document->text("schema") != kSchema) return {};
  const json::Object* binaries = (*document)["binaries"].as_object();
  return binaries == nullptr ? json::Object() : *binaries;
}

}  // namespace

std::optional<QemuBinary> ProbeCache::find(const std::filesystem::path& binary) const {
  if (file_.empty()) return std::nullopt;
  const json::Object binaries = read_binaries(file_);
  const json::Value* entry = binaries.find(binary.string());
  if (entry == nullptr || entry->text("stamp") != stamp_of(binary)) return std::nullopt;
  const Result<QemuVersion> version = parse_qemu_version(entry->text("version"));
  if (!version) return std::nullopt;
  QemuBinary known;
  known.path = binary;
  known.version = *version;
  known.features.sandbox = entry->flag("sandbox", false);
  known.features.chardev_input_path = entry->flag("chardev_input_path", false);
  if (const json::Object* types = (*entry)["machine_types"].as_object()) {
    for (const auto& [name, cpus] : *types) {
      known.machine_types.emplace_back(name, static_cast<unsigned>(cpus.as_int().value_or(0)));
    }
  }
  known.cpu_models = entry->texts("cpu_models");
  return known;
}

void ProbeCache::remember(const QemuBinary& binary) const {
  if (file_.empty()) return;
  json::Object entry;
  entry.set("stamp", stamp_of(binary.path));
  entry.set("version", fmt::format("QEMU emulator version {}", to_string(binary.version)));
  entry.set("sandbox", binary.features.sandbox);
  entry.set("chardev_input_path", binary.features.chardev_input_path);
  json::Object types;
  for (const auto& type : binary.machine_types) types.set(type.name, std::int64_t{type.most_cpus});
  entry.set("machine_types", std::move(types));
  entry.set("cpu_models", json::to_array(binary.cpu_models));
  json::Object binaries;
  // Who installs and removes many shall not carry all of them for ever.
  for (const auto& [path, known] : read_binaries(file_)) {
    if (known.text("stamp") == stamp_of(path)) binaries.append(path, known);
  }
  binaries.set(binary.path.string(), std::move(entry));
  json::Object document;
  document.set("schema", kSchema);
  document.set("binaries", std::move(binaries));

  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  const std::filesystem::path fresh =
      file_.string() + fmt::format(".{}.{}", ::getpid(), ::gettid());
  std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
  stream << json::write(document, 2) << '\n';
  stream.close();
  if (stream) std::filesystem::rename(fresh, file_, ignored);
  if (!stream || ignored) std::filesystem::remove(fresh, ignored);
}

}  // namespace vmfleet::qemu
