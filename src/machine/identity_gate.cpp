// SPDX-License-Identifier: MIT
// Two scripts for the shell of a Linux guest, run by its agent; and the program of `tiny`.
#include "machine/identity_gate.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include <image/renewal/message.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/base64.hpp>
#include <vmfleet/base/random_bytes.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/unix_socket.hpp>
#include <vmfleet/qemu/wires.hpp>

#include "machine/guest_program.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kPatience(60'000);

// Without the driver nobody tells the kernel that its random generator has a twin.
constexpr const char* kCheck = R"(
for driver in /sys/bus/acpi/drivers/vmgenid/*:*; do
  [ ! -e "$driver" ] || known=yes
done
if [ -z "$known" ]; then
  echo "its kernel has no driver for the generation id, so that clones would draw the same random bytes"
  exit 1
fi
sync
)";

// A process costs an emulated guest much of the time that a clone saves: what the shell can do by
// itself it does.
constexpr const char* kRenew = R"(
name=$1
date -u -s "@$2" >/dev/null || exit 1
IFS= read -r entropy
echo "$entropy" >/dev/urandom || exit 1
if [ -n "$name" ]; then
  echo "$name" >/proc/sys/kernel/hostname || exit 1
  [ ! -s /etc/hostname ] || echo "$name" >/etc/hostname
fi
if [ -s /etc/machine-id ]; then
  read -r id </proc/sys/kernel/random/uuid
  (IFS=-; set -- $id; printf '%s%s%s%s%s\n' "$@" >/etc/machine-id) || exit 1
fi
for key in /etc/ssh/ssh_host_*_key /etc/dropbear/dropbear_*_host_key; do
  [ -e "$key" ] || continue
  rm -f "$key" "$key.pub" || exit 1
  case $key in /etc/ssh/*) openssh=yes ;; esac
done
[ -z "$openssh" ] || ssh-keygen -A >/dev/null || exit 1
echo renewed
)";

Error refusal(const std::string& what, const ProcessOutput& output) {
  std::string words(trim(output.out + output.err));
  if (words.empty()) words = output.status.describe();
  return Error(ErrorKind::unavailable, fmt::format("{}: {}", what, sanitize(words)));
}

std::string seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  // It is set some tenths of a second later.
  const auto then = now + std::chrono::milliseconds(500);
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(then).count());
}

}  // namespace

Task<Renewal> require_renewable(Machine::Live& live) {
  std::vector<std::string> argv{"/bin/sh", "-c", kCheck};
  const ProcessOutput output =
      co_await with_timeout(kPatience, run_in_guest(live, std::move(argv), ""));
  if (!output.status.success()) throw refusal("its guest cannot be cloned", output);
  const AgentPort port = co_await look_at_port(live, kIdentityChardev);
  co_return port == AgentPort::open ? Renewal::port : Renewal::agent;
}

namespace {

Task<void> renew_by_agent(Machine::Live& live) {
  std::vector<std::string> argv{"/bin/sh", "-c", kRenew, "sh", live.intent.name, seconds_now()};
  const std::string entropy = encode_base64(random_bytes(renewal::kEntropyBytes)) + "\n";
  const ProcessOutput output = co_await run_in_guest(live, std::move(argv), entropy);
  if (output.status.success() && trim(output.out) == "renewed") co_return;
  throw refusal("the clone could not be given an identity of its own", output);
}

renewal::Request request_for(const std::string& name) {
  renewal::Request request{};
  std::copy_n(renewal::kMagic, sizeof request.magic, request.magic);
  const std::string entropy = random_bytes(sizeof request.entropy);
  entropy.copy(request.entropy, sizeof request.entropy);
  name.copy(request.hostname, sizeof request.hostname);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  request.seconds = seconds.count();
  request.nanoseconds = std::chrono::nanoseconds(now - seconds).count();
  return request;
}

Task<renewal::Reply> read_reply(UnixSocket& socket) {
  renewal::Reply reply{};
  std::span<char> rest(reinterpret_cast<char*>(&reply), sizeof reply);
  while (!rest.empty()) {
    const std::size_t count = co_await socket.read(rest);
    if (count == 0) throw Error(ErrorKind::disconnected, "the identity's port was closed");
    rest = rest.subspan(count);
  }
  const bool known = std::equal(std::begin(reply.magic), std::end(reply.magic), renewal::kMagic);
  if (known) co_return reply;
  throw Error(ErrorKind::protocol, "the guest answered something else on the identity's port");
}

Task<void> ask_port(UnixSocket& socket, const std::string& name) {
  const renewal::Request request = request_for(name);
  const std::string_view bytes(reinterpret_cast<const char*>(&request), sizeof request);
  co_await socket.write(bytes);
  for (;;) {
    const renewal::Reply reply = co_await read_reply(socket);
    const bool is_answer =
        reply.seconds == request.seconds && reply.nanoseconds == request.nanoseconds;
    if (is_answer) co_return;
  }
}

/// A guest that was slow to answer has a clock that is late: it is told again.
Task<void> renew_by_port(Machine::Live& live) {
  constexpr Milliseconds kSoon(300);
  constexpr int kTries = 5;
  UnixSocket socket = co_await UnixSocket::connect(live.directory.file(instance_file::kIdentity));
  for (int i = 0; i < kTries; ++i) {
    const TimePoint asked = live.loop.now();
    co_await ask_port(socket, live.intent.name);
    if (live.loop.now() - asked < kSoon) co_return;
  }
}

}  // namespace

Task<void> renew_identity(Machine::Live& live, Renewal by) {
  return with_timeout(kPatience, by == Renewal::port ? renew_by_port(live) : renew_by_agent(live));
}

}  // namespace vmfleet
