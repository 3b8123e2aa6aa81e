// SPDX-License-Identifier: MIT
// What the log keeper is given: descriptor numbers in its process. Private to this room.
#pragma once

namespace vmfleet::keeper {

inline constexpr int kQemu = 3;      ///< a pidfd
inline constexpr int kFolder = 4;    ///< the instance directory
inline constexpr int kFullDisk = 5;  ///< where it notes when the disk was full; append-only
inline constexpr int kSerial = 6;    ///< the first log, whose lock it holds
inline constexpr int kLogs = 3;      ///< so many, one after the other

}  // namespace vmfleet::keeper
