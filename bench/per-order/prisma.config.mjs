export default { schema: "schema.prisma", datasource: { url: "postgresql://localhost/unused" } };
