// SPDX-License-Identifier: MIT
// Resolving and downloading packages with apt-cache and apt-get.
#include <image/apt.hpp>

#include <unistd.h>

#include <array>
#include <cctype>
#include <optional>
#include <string>

#include <io/needed_program.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet::image {
namespace {

constexpr std::array kPrograms{"busybox-static", "dropbear-bin", "qemu-guest-agent"};

bool numbered(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && name.size() > prefix.size() &&
         std::isdigit(static_cast<unsigned char>(name[prefix.size()])) != 0;
}

/// The packages themselves stand at the beginning of a line; `<…>` are virtual ones.
template <class Wanted>
std::vector<std::string> pick(std::string_view apt_cache_output, Wanted wanted) {
  std::vector<std::string> names;
  for (const std::string_view line : split(apt_cache_output, '\n')) {
    if (!line.empty() && line[0] != ' ' && line[0] != '<' && wanted(line)) names.emplace_back(line);
  }
  return names;
}

/// apt, with the host's state or with a private one.
class Apt {
 public:
  Apt(const GuestArch& arch, std::filesystem::path work, Progress progress)
      : arch_(arch), work_(std::move(work)), progress_(std::move(progress)) {}

  Task<std::vector<std::filesystem::path>> download_with_host_lists() {
    std::vector<std::filesystem::path> debs = co_await download();
    co_return debs;
  }

  Task<std::vector<std::filesystem::path>> download_with_private_lists() {
    progress_("fetching package lists");
    std::vector<std::string> dump{"apt-config", "dump"};
    const std::string host_configuration = co_await run(std::move(dump), work_);
    const std::filesystem::path state = work_ / "apt";
    for (const auto* folder : {"state/lists/partial", "cache/archives/partial"}) {
      std::filesystem::create_directories(state / folder);
    }
    files::write_atomically(state / "status", "");
    files::write_atomically(state / "apt.conf",
                            private_apt_configuration(host_configuration, state, arch_.debian));
    configuration_ = state / "apt.conf";
    // One broken source among several must not end this: what counts is whether the download works.
    std::optional<Error> update_failure;
    try {
      std::vector<std::string> update{"apt-get", "-q", "update", "-o",
                                      "APT::Update::Error-Mode=any"};
      co_await run(std::move(update), work_);
    } catch (const Error& error) {
      update_failure = error;
    }
    try {
      std::vector<std::filesystem::path> debs = co_await download();
      co_return debs;
    } catch (const Error& error) {
      if (!update_failure) throw;
      throw Error(*update_failure).evidence_lines(error.evidence());
    }
  }

 private:
  Task<std::vector<std::filesystem::path>> download() {
    std::vector<std::string> names = co_await kernel();
    std::vector<std::string> programs(kPrograms.begin(), kPrograms.end());
    const std::string depended_on = co_await depends(programs);
    for (std::string& library : library_packages(depended_on)) names.push_back(std::move(library));
    names.insert(names.end(), programs.begin(), programs.end());

    const std::filesystem::path folder = work_ / "debs";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    progress_("downloading " + std::to_string(names.size()) + " packages, " + names.front() +
              " among them");
    std::vector<std::string> argv{"apt-get", "-q", "download"};
    argv.insert(argv.end(), names.begin(), names.end());
    co_await run(std::move(argv), folder);
    std::vector<std::filesystem::path> debs;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".deb") debs.push_back(entry.path());
    }
    co_return debs;
  }

  Task<std::vector<std::string>> kernel() {
    std::optional<Error> failure;
    for (const std::string_view meta : arch_.kernel_packages) {
      try {
        std::vector<std::string> roots{std::string(meta)};
        const std::string output = co_await depends(std::move(roots));
        std::vector<std::string> names = kernel_packages(output);
        if (!names.empty()) co_return names;
      } catch (const Error& error) {
        if (!failure) failure = error;
      }
    }
    if (failure) throw Error(*failure);
    throw Error(ErrorKind::unavailable,
                "apt knows no package " + std::string(arch_.kernel_packages.front()));
  }

  Task<std::string> depends(std::vector<std::string> roots) {
    std::vector<std::string> argv{"apt-cache", "depends", "--recurse", "--important"};
    argv.insert(argv.end(), roots.begin(), roots.end());
    std::string output = co_await run(std::move(argv), work_);
    co_return output;
  }

  Task<std::string> run(std::vector<std::string> argv, std::filesystem::path directory) {
    const std::string program = argv[0];
    const std::string doing = argv[0] + " " + (argv[1] == "-q" ? argv[2] : argv[1]);
    for (const char* setting : {"APT::Sandbox::User=root", "Acquire::Retries=2",
                                "Acquire::http::Timeout=30", "Acquire::https::Timeout=30"}) {
      if (argv[0] == "apt-config") break;
      argv.insert(argv.end(), {"-o", setting});
    }
    ProcessOptions options(std::move(argv));
    options.directory = std::move(directory);
    options.environment = environment();
    NeededProgram apt(std::move(options), doing + " failed: " + program,
                      Error(ErrorKind::host_unfit, doing + ": apt is not installed"));
    std::string output = co_await run_needed(std::move(apt));
    co_return output;
  }

  [[nodiscard]] std::vector<std::string> environment() const {
    std::vector<std::string> variables{"LC_ALL=C"};
    for (char** variable = ::environ; *variable != nullptr; ++variable) {
      const std::string_view text = *variable;
      if (!text.starts_with("LC_ALL=") && !text.starts_with("APT_CONFIG=")) {
        variables.emplace_back(text);
      }
    }
    if (!configuration_.empty()) variables.push_back("APT_CONFIG=" + configuration_.string());
    return variables;
  }

  const GuestArch& arch_;
  std::filesystem::path work_;
  Progress progress_;
  std::filesystem::path configuration_;
};

}  // namespace

std::vector<std::string> kernel_packages(std::string_view apt_cache_output) {
  return pick(apt_cache_output, [](std::string_view name) {
    return (numbered(name, "linux-image-") || numbered(name, "linux-modules-")) &&
           name.find("unsigned") == std::string_view::npos;
  });
}

std::vector<std::string> library_packages(std::string_view apt_cache_output) {
  return pick(apt_cache_output, [](std::string_view name) {
    return (name.starts_with("lib") || name.starts_with("zlib")) &&
           name.find("perl") == std::string_view::npos;
  });
}

std::string private_apt_configuration(std::string_view dump, const std::filesystem::path& work,
                                      std::string_view debian_arch) {
  std::string text;
  for (const std::string_view line : split(dump, '\n')) {
    const bool ours = line.starts_with("Dir::State") || line.starts_with("Dir::Cache") ||
                      line.starts_with("Dir::Etc::parts") || line.starts_with("Dir::Etc::main") ||
                      line.starts_with("APT::Architecture") || line.starts_with("APT::Update::") ||
                      line.starts_with("DPkg::");
    if (!ours) text.append(line).append("\n");
  }
  const std::string state = work.string();
  const std::string arch(debian_arch);
  // The host's settings are in this file already: apt is not to read them again, with the scripts.
  text += "Dir::Etc::parts \"/dev/null\";\nDir::Etc::main \"/dev/null\";\n";
  text += "Dir::State \"" + state + "/state/\";\nDir::State::status \"" + state + "/status\";\n";
  text += "Dir::Cache \"" + state + "/cache/\";\n";
  text += "APT::Architecture \"" + arch + "\";\nAPT::Architectures { \"" + arch + "\"; };\n";
  text += "Acquire::Languages \"none\";\n";
  return text;
}

Task<std::vector<std::filesystem::path>> download_packages(const GuestArch& arch,
                                                           std::filesystem::path work,
                                                           Progress progress) {
  Apt apt(arch, std::move(work), progress);
  std::optional<Error> host_failure;
  if (arch.name == host_arch()) {
    try {
      std::vector<std::filesystem::path> debs = co_await apt.download_with_host_lists();
      co_return debs;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::host_unfit) throw;
      host_failure = error;
    }
  }
  try {
    std::vector<std::filesystem::path> debs = co_await apt.download_with_private_lists();
    co_return debs;
  } catch (Error& error) {
    throw Error(error).hint("check the network and the sources in /etc/apt, then try again");
  }
}

}  // namespace vmfleet::image
