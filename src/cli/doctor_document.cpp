// SPDX-License-Identifier: MIT
// Examining the host in another thread.
#include "cli/doctor_document.hpp"

#include <algorithm>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/machine/host_qemu.hpp>

namespace vmfleet::cli {

namespace {

/// As `up` does before its first machine; nullopt without a QEMU to do it with.
Task<std::optional<KvmState>> try_kvm() {
  auto find = [] { return find_host_qemu("", parse_arch(host_arch()).value()); };
  Result<QemuBinary> binary = co_await offload(find);
  if (!binary) co_return std::nullopt;
  co_return co_await probe_kvm(*std::move(binary));
}

}  // namespace

Task<std::vector<Check>> examine_host(const Context& context) {
  const auto state_root = context.state_root();
  const auto cache_root = default_cache_root();
  const std::optional<KvmState> kvm = co_await try_kvm();
  auto look = [&] { return check_host(state_root, cache_root, kvm); };
  co_return co_await offload(look);
}

bool is_fit(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(),
                      [](const Check& check) { return check.status == Check::Status::fail; });
}

json::Object doctor_document(const std::vector<Check>& checks) {
  json::Array array;
  for (const auto& check : checks) {
    json::Object object;
    object.set("name", check.name);
    object.set("status", word_of(check.status));
    object.set("message", check.message);
    if (!check.hint.empty()) object.set("hint", check.hint);
    array.emplace_back(std::move(object));
  }
  json::Object document;
  document.set("schema", "vmfleet.doctor/1");
  document.set("fit", is_fit(checks));
  document.set("checks", std::move(array));
  return document;
}

}  // namespace vmfleet::cli
