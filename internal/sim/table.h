/* table.h: the driver calls that the simulator answers, and the exported Go function behind each. */
#ifndef TANDEM_SIM_TABLE_H
#define TANDEM_SIM_TABLE_H

struct sim_entry {
  const char *symbol;
  void *function;
};

const struct sim_entry *sim_table(int *count);

#endif
