// SPDX-License-Identifier: MIT
// Making and reading SSH keys.
#include <vmfleet/fleet/ssh_key.hpp>

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include <io/needed_program.hpp>
#include <io/temporary_folder.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/state_root.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

namespace {

// No fleet has such a name.
constexpr const char* kFolder = ".ssh";
constexpr const char* kKey = "id_ed25519";

std::filesystem::path public_half(std::filesystem::path key) {
  return key += ".pub";
}

bool readable(const std::filesystem::path& path) {
  return ::access(path.c_str(), R_OK) == 0;
}

void require_no_other(const std::filesystem::path& folder) {
  const auto type = std::filesystem::symlink_status(folder).type();
  if (type == std::filesystem::file_type::not_found ||
      type == std::filesystem::file_type::directory) {
    return;
  }
  throw Error(ErrorKind::conflict, fmt::format("{} is not a directory", folder.string()))
      .hint("a link or file stands where vmfleet keeps its keys; move it away");
}

/// As in a container that was started with a number for its user.
bool user_has_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> texts{};
  const int failed = ::getpwuid_r(::getuid(), &entry, texts.data(), texts.size(), &found);
  return failed != 0 || found != nullptr;
}

Error no_user_name() {
  return Error(
             ErrorKind::host_unfit,
             fmt::format("user {} has no name, without which ssh-keygen makes no key", ::getuid()))
      .hint("give it a line in /etc/passwd, or name a key of yours: ssh.key = PATH");
}

Task<void> run_ssh_keygen(std::filesystem::path key) {
  std::vector<std::string> argv{"ssh-keygen", "-q", "-t",      "ed25519", "-N",
                                "",           "-C", "vmfleet", "-f",      key.string()};
  ProcessOptions options(std::move(argv));
  options.private_files = true;  // the public half, too
  NeededProgram keygen(
      std::move(options), fmt::format("make {}: ssh-keygen", key.string()),
      Error(ErrorKind::host_unfit, "there is no ssh-keygen, which makes keys")
          .hint("install it: apt install openssh-client; or name a key of yours: ssh.key = PATH"));
  try {
    co_await run_needed(std::move(keygen));
  } catch (const Error&) {
    if (!user_has_name()) throw no_user_name();
    throw;
  }
}

}  // namespace

std::filesystem::path default_ssh_key(const std::filesystem::path& state_root) {
  return std::filesystem::absolute(state_root) / kFolder / kKey;
}

Task<void> make_ssh_key(std::filesystem::path state_root) {
  const auto key = default_ssh_key(state_root);
  if (readable(key) && readable(public_half(key))) co_return;
  require_no_other(key.parent_path());
  std::optional<TemporaryFolder> folder;  // becomes the folder of the key as a whole, or goes
  auto begin = [&] {
    const auto root = key.parent_path().parent_path();
    make_state_root(root);
    folder.emplace(root / ".ssh-");
  };
  co_await offload(begin);
  co_await run_ssh_keygen(folder->path() / kKey);
  if (folder->move_to(key.parent_path())) co_return;
  if (readable(key) && readable(public_half(key))) co_return;
  throw Error(ErrorKind::conflict,
              fmt::format("{} holds no complete key pair", key.parent_path().string()))
      .hint("move that folder away; a new pair is made then");
}

std::string read_public_key(const std::filesystem::path& private_key) {
  const auto file = public_half(private_key);
  const std::string shown = sanitize(private_key.string());
  if (!readable(private_key)) {
    throw errno_error(ErrorKind::invalid_config, "the SSH key " + shown, errno)
        .hint("ssh.key names a private key; or leave it out, then one is made");
  }
  if (!readable(file)) {
    throw errno_error(ErrorKind::invalid_config, "the public half of the SSH key " + shown, errno)
        .hint(fmt::format("make it: ssh-keygen -y -f {0} > {0}.pub", shell_quote(shown)));
  }
  const std::string line(trim(files::read(file)));
  const bool is_key = line.find(' ') != std::string::npos && line.find('\n') == std::string::npos &&
                      line.rfind("-----", 0) != 0 && sanitize(line) == line;
  if (is_key) return line;
  throw Error(ErrorKind::invalid_config,
              fmt::format("{} is no public SSH key", sanitize(file.string())))
      .hint("one line, such as \"ssh-ed25519 AAAA… name\"");
}

std::optional<SshLogin> ssh_login(const std::filesystem::path& instance_directory) {
  const auto intent = read_intent(InstanceDirectory::open(instance_directory));
  return intent ? intent->ssh : std::nullopt;
}

}  // namespace vmfleet
