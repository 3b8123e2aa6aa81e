// SPDX-License-Identifier: MIT
// QemuBinary::probe: find, ask once, remember.
#include <vmfleet/qemu/qemu_binary.hpp>

#include <unistd.h>

#include <charconv>

#include <fmt/format.h>

#include <vmfleet/base/find_program.hpp>
#include <vmfleet/base/text.hpp>

#include "qemu/abilities.hpp"
#include "qemu/probe_cache.hpp"
#include "qemu/run_bounded.hpp"

namespace vmfleet {
namespace {

namespace fs = std::filesystem;

constexpr QemuVersion kOldest{7, 2, 0};         // -netdev takes JSON
constexpr QemuVersion kHasInputPath{10, 0, 0};  // refused by 7.2, accepted by 10.0

std::string install_hint(Arch arch) {
  const char* package = arch == Arch::aarch64 ? "qemu-system-arm" : "qemu-system-x86";
  return fmt::format("install it: apt install {}; or say where it is with qemu = \"…\"", package);
}

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

Result<fs::path> find_binary(std::string_view wanted, Arch arch) {
  const std::string usual = fmt::format("qemu-system-{}", to_string(arch));
  std::error_code ignored;
  std::string name = wanted.empty() ? usual : std::string(wanted);
  if (!wanted.empty() && fs::is_directory(wanted, ignored)) name = fs::path(wanted) / usual;
  const Result<std::string> found = find_program(name);
  if (found && is_program(*found)) return fs::absolute(*found);
  return Error(ErrorKind::host_unfit, found ? fmt::format("{} is no executable file", *found)
                                            : fmt::format("there is no {} in PATH", name))
      .hint(install_hint(arch));
}

/// The sandbox is part of the question: a build without it refuses the option.
Result<QemuBinary> ask(const fs::path& path, std::chrono::milliseconds timeout) {
  QemuBinary binary;
  binary.path = path;
  auto output = qemu::run_bounded({path.string(), "-sandbox", "on", "-version"}, timeout);
  if (output && output->status != 0) {
    binary.features.sandbox = false;
    output = qemu::run_bounded({path.string(), "-version"}, timeout);
  }
  if (!output) return output.error();
  const Result<QemuVersion> version = parse_qemu_version(output->text);
  if (output->status != 0 || !version) {
    std::vector<std::string> words;
    for (const std::string_view line : split(trim(output->text), '\n')) {
      if (words.size() < 5) words.push_back(sanitize(trim(line)));
    }
    return Error(ErrorKind::host_unfit, fmt::format("{} did not say its version", path.string()))
        .evidence_lines(words)
        .hint("is it QEMU? Install it again, or name another binary with qemu = \"…\"");
  }
  binary.version = *version;
  binary.features.chardev_input_path = *version >= kHasInputPath;
  auto abilities =
      qemu::run_bounded({path.string(), "-machine", "none", "-nodefaults", "-no-user-config", "-S",
                         "-display", "none", "-monitor", "none", "-qmp", "stdio"},
                        timeout, qemu::kAbilityQuestions);
  if (!abilities) return abilities.error();
  qemu::read_abilities(abilities->text, binary);
  return binary;
}

}  // namespace

std::string to_string(const QemuVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.micro);
}

Result<QemuVersion> parse_qemu_version(std::string_view text) {
  constexpr std::string_view kBefore = "emulator version ";
  const auto at = text.find(kBefore);
  QemuVersion version;
  if (at != std::string_view::npos) {
    const char* next = text.data() + at + kBefore.size();
    const char* const end = text.data() + text.size();
    for (int* part : {&version.major, &version.minor, &version.micro}) {
      const auto read = std::from_chars(next, end, *part);
      if (read.ec != std::errc()) break;
      next = read.ptr;
      if (next == end || *next != '.') break;
      ++next;
    }
  }
  if (version.major > 0) return version;
  return Error(ErrorKind::protocol, "no QEMU version in its answer").evidence(sanitize(text));
}

Result<QemuBinary> QemuBinary::probe(std::string_view wanted, Arch arch,
                                     const ProbeOptions& options) {
  const Result<fs::path> path = find_binary(wanted, arch);
  if (!path) return path.error();
  const qemu::ProbeCache cache(options.cache_file);
  auto binary = cache.find(*path);
  if (!binary) {
    Result<QemuBinary> asked = ask(*path, options.timeout);
    if (!asked) return asked;
    cache.remember(*asked);
    binary = *asked;
  }
  if (binary->version < kOldest) {
    return Error(ErrorKind::host_unfit,
                 fmt::format("{} is QEMU {}; {} or later is needed", path->string(),
                             to_string(binary->version), to_string(kOldest)))
        .hint("install a later QEMU, or name another binary with qemu = \"…\"");
  }
  return *binary;
}

}  // namespace vmfleet
