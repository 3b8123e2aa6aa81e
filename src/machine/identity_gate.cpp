// SPDX-License-Identifier: MIT
// Two scripts for the shell of a Linux guest, run by its agent; and the program of `tiny`.
#include "machine/identity_gate.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <image/renewal/message.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/base64.hpp>
#include <vmfleet/base/random_bytes.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/wires.hpp>

#include "machine/guest_program.hpp"
#include "machine/identity_port.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kPatience(60'000);
constexpr Milliseconds kMomentPatience(20'000);

// Without the driver nobody tells the kernel that its random generator has a twin.
constexpr int kNobody = 2;
constexpr const char* kCheck = R"(
if [ ! -e /proc/sys/kernel/hostname ]; then
  echo "it is no Linux, to which an identity could be given"
  exit 2
fi
if [ "$1" = lans ] && ! command -v ip >/dev/null; then
  echo "it has no program ip, by which its clones would get addresses of their own on their LANs"
  exit 2
fi
for process in /proc/[0-9]*; do
  read -r program <"$process/comm" && [ "$program" = dropbear ] || continue
  makes_keys=
  for word in $(tr '\0' ' ' <"$process/cmdline"); do
    case $word in -*R*) makes_keys=yes ;; esac
  done
  if [ -z "$makes_keys" ]; then
    echo "its dropbear runs without -R, so that clones would have the same host keys"
    exit 1
  fi
done 2>/dev/null
sync
for driver in /sys/bus/acpi/drivers/vmgenid/*:*; do
  [ ! -e "$driver" ] || known=yes
done
if [ -z "$known" ]; then
  echo "its kernel has no driver for the generation id, so that clones would draw the same random bytes"
  exit 1
fi
)";

// A process costs an emulated guest much of the time that a clone saves: what the shell can do by
// itself it does.
constexpr const char* kRenew = R"(
name=$1
date -u -s "@$2" >/dev/null || exit 1
IFS= read -r entropy
echo "$entropy" >/dev/urandom || exit 1
# All interfaces are found before the first has another address, which may be another's old one.
todo=
while read -r old new address && [ "$old" != hosts ]; do
  found=
  for interface in /sys/class/net/*; do
    read -r mac <"$interface/address" && [ "$mac" = "$old" ] && found=${interface##*/}
  done 2>/dev/null
  if [ -z "$found" ]; then
    echo "no interface has the address $old"
    exit 1
  fi
  todo="$todo $found $new $address"
done
# Down meanwhile, which also takes the address that it made of its old one for IPv6.
renumber() {
  ip link set "$1" down && ip link set "$1" address "$2" || return
  [ "$3" = - ] || { ip addr flush dev "$1" && ip addr add "$3" brd + dev "$1"; } || return
  ip link set "$1" up
}
for word in $todo; do
  set -- "$@" "$word"
  [ $# = 5 ] || continue
  renumber "$3" "$4" "$5" || exit 1
  set -- "$1" "$2"
done
[ -z "$old" ] || cat >>/etc/hosts || exit 1
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
if [ -n "$openssh" ]; then
  ssh-keygen -A >/dev/null || exit 1
  # From 9.8 on the process that listens keeps them; an earlier one takes no harm.
  pid= program=
  { read -r pid </run/sshd.pid && read -r program <"/proc/$pid/comm"; } 2>/dev/null
  [ "$program" != sshd ] || kill -HUP "$pid" || exit 1
fi
echo renewed
)";

constexpr const char* kRenewMoment = R"(
date -u -s "@$1" >/dev/null || exit 1
IFS= read -r entropy
echo "$entropy" >/dev/urandom || exit 1
echo renewed
)";

std::string said_by(const ProcessOutput& output) {
  const std::string words(trim(output.out + output.err));
  return sanitize(words.empty() ? output.status.describe() : words);
}

Error refusal(const std::string& what, const ProcessOutput& output) {
  return Error(ErrorKind::unavailable, fmt::format("{}: {}", what, said_by(output)));
}

std::string seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  // It is set some tenths of a second later.
  const auto then = now + std::chrono::milliseconds(500);
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(then).count());
}

bool is_on_lan(const Intent& machine) {
  const json::Array* nets = machine.nets.as_array();
  const auto is_lan = [](const json::Value& net) { return !net.text("lan").empty(); };
  return nets != nullptr && std::any_of(nets->begin(), nets->end(), is_lan);
}

}  // namespace

Error refusal_of(const Uniqueness& guest) {
  return Error(ErrorKind::unavailable, "its guest cannot be cloned: " + guest.lacks.at(0));
}

namespace {

Task<Uniqueness> ask_agent(Machine::Live& live) {
  std::vector<std::string> argv{"/bin/sh", "-c", kCheck, "sh"};
  if (is_on_lan(live.intent)) argv.emplace_back("lans");
  const ProcessOutput output = co_await run_in_guest(live, std::move(argv), "");
  Uniqueness guest;
  if (output.status.code != kNobody) guest.renewal = Renewal::agent;
  if (!output.status.success()) guest.lacks.push_back(said_by(output));
  co_return guest;
}

}  // namespace

Task<Uniqueness> look_at_guest(Machine::Live& live) {
  Uniqueness guest;
  if (co_await look_at_port(live, kAgentChardev) == AgentPort::absent) co_return guest;
  try {
    guest = co_await with_timeout(kPatience, ask_agent(live));
  } catch (const Error& error) {
    const bool answers_not =
        error.kind() == ErrorKind::timed_out || error.kind() == ErrorKind::unavailable;
    if (!answers_not) throw;
    guest.lacks.push_back("nobody could give it an identity: " + error.message());
    co_return guest;
  }
  const AgentPort port = co_await look_at_port(live, kIdentityChardev);
  if (port == AgentPort::open && guest.renewal == Renewal::agent) guest.renewal = Renewal::port;
  co_return guest;
}

namespace {

/// What the script reads.
std::string input_of(const LanIdentity& lans) {
  std::string input = encode_base64(random_bytes(renewal::kEntropyBytes)) + "\n";
  for (const LanInterface& lan : lans.interfaces) {
    const std::string_view address = lan.address.empty() ? "-" : std::string_view(lan.address);
    input += fmt::format("{} {} {}\n", lan.old_mac, lan.new_mac, address);
  }
  return lans.hosts.empty() ? input : input + "hosts\n" + lans.hosts;
}

Task<void> renew_by_agent(Machine::Live& live, LanIdentity lans) {
  std::vector<std::string> argv{"/bin/sh", "-c", kRenew, "sh", live.intent.name, seconds_now()};
  const ProcessOutput output = co_await run_in_guest(live, std::move(argv), input_of(lans));
  if (output.status.success() && trim(output.out) == "renewed") co_return;
  throw refusal("the clone could not be given an identity of its own", output);
}

}  // namespace

Task<void> renew_identity(Machine::Live& live, LanIdentity lans, Renewal by) {
  if (by == Renewal::none) co_return;
  const bool by_port = by == Renewal::port;
  Task<void> work =
      by_port ? renew_by_port(live, std::move(lans)) : renew_by_agent(live, std::move(lans));
  co_await with_timeout(kPatience, std::move(work));
}

namespace {

Task<void> renew_moment_by_agent(Machine::Live& live) {
  const AgentPort port = co_await look_at_port(live, kAgentChardev);
  if (port != AgentPort::open) throw Error(ErrorKind::unavailable, "it has no guest agent");
  std::vector<std::string> argv{"/bin/sh", "-c", kRenewMoment, "sh", seconds_now()};
  const std::string entropy = encode_base64(random_bytes(renewal::kEntropyBytes)) + "\n";
  const ProcessOutput output = co_await run_in_guest(live, std::move(argv), entropy);
  if (output.status.success() && trim(output.out) == "renewed") co_return;
  throw refusal("its agent failed", output);
}

}  // namespace

Task<void> renew_moment(Machine::Live& live) {
  return with_timeout(kMomentPatience, renew_moment_by_agent(live));
}

}  // namespace vmfleet
