// SPDX-License-Identifier: MIT
// Asked of the kernel and of /etc/os-release.
#include "cli/host_facts.hpp"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include <vmfleet/base/text.hpp>

namespace vmfleet::cli {

namespace {

/// What is behind `key` in its first line of a file, without quotes.
std::string value_in(const char* file, std::string_view key) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (line.rfind(key, 0) != 0) continue;
    std::string_view value = trim(std::string_view(line).substr(key.size()));
    while (!value.empty() && (value.front() == ':' || value.front() == '=')) {
      value = trim(value.substr(1));
    }
    if (value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

std::string first_line(const char* file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

json::Object file_system(std::filesystem::path folder) {
  std::error_code ignored;
  while (!std::filesystem::exists(folder, ignored) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  json::Object object{{"path", folder.string()}};
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return object;
  object.set("bytes", std::uint64_t{status.f_blocks} * status.f_frsize);
  object.set("available", std::uint64_t{status.f_bavail} * status.f_frsize);
  return object;
}

json::Object environment() {
  json::Object variables;
  for (const char* name : {"VMFLEET_STATE_DIR", "VMFLEET_FLEET", "XDG_STATE_HOME", "XDG_CACHE_HOME",
                           "XDG_RUNTIME_DIR", "TMPDIR", "LANG", "TERM"}) {
    if (const char* value = std::getenv(name)) variables.set(name, value);
  }
  return variables;
}

}  // namespace

json::Object host_facts(const std::filesystem::path& state_root,
                        const std::filesystem::path& cache_root) {
  json::Object facts;
  struct utsname names {};
  ::uname(&names);
  facts.set("kernel", std::string(names.release)).set("arch", std::string(names.machine));
  facts.set("distribution", value_in("/etc/os-release", "PRETTY_NAME"));
  facts.set("cpu", value_in("/proc/cpuinfo", "model name"));
  facts.set("cpus", std::uint64_t{std::thread::hardware_concurrency()});
  facts.set("memory", value_in("/proc/meminfo", "MemTotal"));
  facts.set("memory_available", value_in("/proc/meminfo", "MemAvailable"));
  facts.set("load", first_line("/proc/loadavg"));
  facts.set("uptime", first_line("/proc/uptime"));
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  facts.set("descriptors", std::uint64_t{descriptors.rlim_cur});
  facts.set("state", file_system(state_root)).set("cache", file_system(cache_root));
  facts.set("environment", environment());
  return facts;
}

}  // namespace vmfleet::cli
