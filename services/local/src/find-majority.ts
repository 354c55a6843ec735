/** What more than half of the answers say, absent ones counted among all. */
export function findMajority<T>(answers: readonly (T | undefined)[]): T | undefined {
  return answers.find(
    (answer) => answer !== undefined && answers.filter((other) => other === answer).length * 2 > answers.length,
  );
}
