import type { TagSection } from '../../stores/tags'

export const MAX_TAG_NAME = 30

function folded(text: string): string {
  return text.trim().normalize('NFKC').toLocaleLowerCase()
}

/** The tags whose own name, or whose group's, contains what was typed; groups without any are left out. */
export function choices(sections: readonly TagSection[], query: string): TagSection[] {
  const wanted = folded(query)
  return sections
    .map(({ group, tags }) => ({
      group,
      tags: wanted === '' || (group !== null && folded(group.name).includes(wanted)) ? tags : tags.filter((one) => folded(one.name).includes(wanted)),
    }))
    .filter((one) => one.tags.length > 0)
}

/** Whether there is a tag of this name already, however it is written. */
export function foundExactly(sections: readonly TagSection[], name: string): boolean {
  const wanted = folded(name)
  return sections.some((one) => one.tags.some((tag) => folded(tag.name) === wanted))
}
