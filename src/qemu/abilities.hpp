// SPDX-License-Identifier: MIT
// What a QEMU says it can do: the questions in QMP, and the reader of its answers.
#pragma once

#include <string_view>

#include <vmfleet/qemu/qemu_binary.hpp>

namespace vmfleet::qemu {

/// Written to a QMP monitor, they end the process too.
inline constexpr std::string_view kAbilityQuestions =
    "{\"execute\": \"qmp_capabilities\"}\n"
    "{\"execute\": \"query-machines\", \"id\": \"machines\"}\n"
    "{\"execute\": \"query-cpu-definitions\", \"id\": \"cpus\"}\n"
    "{\"execute\": \"quit\"}\n";

/// Fills in machine types and CPU models, in order; leaves them empty when they are not there.
void read_abilities(std::string_view answers, QemuBinary& binary);

}  // namespace vmfleet::qemu
